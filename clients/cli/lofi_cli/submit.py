"""`lofi-submit PROMPT`: a track from a prompt; its path on stdout, progress on a terminal's stderr."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

import lofi_common
from lofi_cli import complete, exits
from lofi_cli.group import FORMATS, HELP

if TYPE_CHECKING:
    from lofi_cli.watch import Watcher
    from lofi_client import Lofi
    from lofi_common import api

_READ_CHARS = 10_000
"""A prompt and white space around it."""
_PLAY_SEC = 5.0
"""How long a sound device may take to be opened, or not."""
_CANCEL_SEC = 3.0
"""How long somebody who has pressed Ctrl-C waits for the broker's word."""


def _checked_output(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value in ("", "-"):
        raise click.BadParameter("give the path of a file or folder")
    return value


@click.command(context_settings=HELP)
@click.version_option(lofi_common.__version__, prog_name="lofi")
@click.argument("prompt", metavar="PROMPT", nargs=-1)
@click.option(
    "-d",
    "--duration",
    type=int,
    default=30,
    show_default=True,
    help="Length in seconds, 5 to 120; more with the setting queue.max_duration_sec.",
)
@click.option(
    "--continue",
    "base",
    metavar="ID",
    shell_complete=complete.track_ids,
    help="Go on from the end of this track for --duration more; without PROMPT, with its prompt.",
)
@click.option("--loop", is_flag=True, help="Whole bars that repeat without a seam; 120 s at most.")
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    callback=_checked_output,
    help="Copy the track to this file or folder.",
)
@click.option("-f", "--force", is_flag=True, help="Replace the output file if there is one.")
@click.option("--seed", type=int, help="Same prompt and seed, same track. Chosen if not given.")
@click.option(
    "--model", shell_complete=complete.installed_models, help="Model to use.  [default: the selected one]"
)
@click.option(
    "--priority",
    type=click.Choice(["normal", "high"]),
    default="normal",
    show_default=True,
    help="high goes before all that is normal.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="[default: as the output's name ends, else as the continued track, else wav]",
)
@click.option("--temperature", type=float, help="Randomness; 0 = none.  [default: the model's]")
@click.option("--top-k", type=int, help="Draw from the k likeliest tokens; 0 = all.  [default: the model's]")
@click.option("--top-p", type=float, help="Draw from the likeliest share p; 0 = off.  [default: the model's]")
@click.option("--guidance", type=float, help="How closely to follow the prompt.  [default: the model's]")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    help="Give up waiting after this many seconds; the track goes on.",
)
@click.option(
    "--play",
    is_flag=True,
    help="Play the track while it is made. The music goes on after the command; `lofi player stop` ends it.",
)
@click.option("--no-wait", is_flag=True, help="Queue the track, print its id and leave.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object per line on stdout instead of the path."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, even on a terminal.")
@click.pass_context
def submit(
    context: click.Context,
    prompt: tuple[str, ...],
    duration: int,
    base: str | None,
    loop: bool,
    output: str | None,
    force: bool,
    seed: int | None,
    model: str | None,
    priority: str,
    kind: str | None,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    guidance: float | None,
    timeout: float | None,
    play: bool,
    no_wait: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Turn PROMPT into a lo-fi track ("-" reads it from stdin).

    A broker is started if none is running. Ctrl-C cancels the track.
    """
    if force and output is None:
        raise click.UsageError("--force goes with --output")
    if len(prompt) > 1:
        quoted = f'{context.command_path} "{" ".join(prompt)}"'
        raise click.UsageError(f"put the prompt in quotes: {quoted}", context)
    if not prompt and base is None:
        raise click.MissingParameter(param=context.command.params[0], ctx=context)
    # Imported in here so that --help and usage errors come at once.
    with exits.reported():
        import msgspec

        from lofi_cli.ids import resolve
        from lofi_cli.watch import Watcher
        from lofi_client import Lofi
        from lofi_client.client import BROKER_VARIABLE
        from lofi_common import api

        exits.end_on_sigterm()
        wanted: dict[str, object] = {
            "prompt": _read_prompt() if prompt == ("-",) else next(iter(prompt), None),
            "duration_sec": duration,
            "seed": seed,
            "priority": priority,
            "model": model,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "guidance_scale": guidance,
            "format": _format_of(output, kind),
            "output": os.path.abspath(output) + ("/" if output.endswith("/") else "") if output else None,
            "force": force,
            "continue_from": base,
            "loop": loop,
        }
        params: api.GenerateParams = api.parse_params("generate", wanted)
        elsewhere = bool(os.environ.get(BROKER_VARIABLE))
        silent = quiet or no_wait  # there is nothing to follow
        shown = Watcher(output=params.output, as_json=as_json, quiet=silent, elsewhere=elsewhere)
        with shown as watcher, Lofi.connect(name="lofi-submit") as lofi:
            if base is not None:
                params = msgspec.structs.replace(params, continue_from=resolve(lofi, base))
            sys.exit(_run(lofi, params, watcher, timeout=timeout, play=play, wait=not no_wait))


def _read_prompt() -> str:
    """The prompt from stdin, and no more of it than a prompt can have. Raises InvalidPrompt."""
    from lofi_common.api import MAX_PROMPT_CHARS
    from lofi_common.errors import InvalidPrompt

    if sys.stdin.isatty() and sys.stderr.isatty():
        print("Type the prompt; Ctrl-D on a line of its own ends it.", file=sys.stderr)
    text = sys.stdin.read(_READ_CHARS + 1)
    if len(text) > _READ_CHARS:
        raise InvalidPrompt(
            f"stdin has over {_READ_CHARS} characters; a prompt has at most {MAX_PROMPT_CHARS}"
        )
    return text


def _format_of(output: str | None, kind: str | None) -> str | None:
    """The format that is asked for, by `kind` or else by the file's name; None where neither asks for one.

    Raises InvalidParams for the name of an audio format that is not made, click.BadParameter for that of
    another than `kind`.
    """
    from lofi_client.formats import format_of, suffix_of

    suffix = suffix_of(output or "")
    if suffix in FORMATS and kind not in (None, suffix):
        raise click.BadParameter(f"the name ends in .{suffix}, --format says {kind}", param_hint="'--output'")
    if kind is not None or output is None:
        return kind
    made = format_of(output)
    if suffix not in ("", made):
        exits.tell(f"{output} will be WAV: no format is called {suffix}", "--format chooses another.")
    return made


def _run(
    lofi: Lofi, params: api.GenerateParams, watcher: Watcher, *, timeout: float | None, play: bool, wait: bool
) -> int:
    """Submit and follow one track; the exit code."""
    from lofi_common.errors import BrokerUnavailable

    accepted = None
    try:
        with exits.interrupt_deferred():
            accepted = lofi.submit(params)
        watcher.accepted(accepted, print_id=not wait)
        asked = play and _play(lofi, accepted.track_id)
        if not wait:
            return exits.OK
        for told in lofi.follow(accepted, timeout):
            watcher.told(told)
        if asked and watcher.exit_code == exits.OK:
            _tell_unheard(lofi, accepted.track_id)
    except KeyboardInterrupt:
        watcher.finish_bar()
        if accepted is None:
            raise
        return _cancel(lofi, accepted.track_id)
    except TimeoutError as error:
        watcher.finish_bar()
        assert accepted is not None
        return exits.fail(
            "TIMED_OUT",
            str(error),
            f"It goes on; --seed {accepted.seed} with the same prompt finds it again.",
        )
    except BrokerUnavailable as error:
        if accepted is None:
            raise
        watcher.finish_bar()
        return exits.fail(error.name, str(error), _what_becomes_of(accepted.track_id, kept=lofi.durable))
    return watcher.exit_code


def _play(lofi: Lofi, track_id: str) -> bool:
    """Ask that it be played from its first second on; False when it won't be. It is made all the same."""
    from lofi_cli.playing import tell_radio_ends
    from lofi_common.errors import AudioDeviceError

    tell_radio_ends(lofi)
    try:
        lofi.play([track_id])
    except AudioDeviceError as error:
        exits.tell(f"it can't be played: {error}", error.recovery)
        return False
    return True


def _tell_unheard(lofi: Lofi, track_id: str) -> None:
    """Why a track that is whole was not heard. The device is opened only when there is something to play."""
    from lofi_common.api_playback import PlaybackEnded, PlaybackStarted

    deadline = time.monotonic() + _PLAY_SEC
    while (left := deadline - time.monotonic()) > 0:
        match lofi.next_event(left):
            case PlaybackStarted(track_id=played) if played == track_id:
                return
            case PlaybackEnded(track_id=played, message=str(reason)) if played == track_id:
                exits.tell(f"it can't be played: {reason}", "`lofi doctor` looks at the sound device.")
                return


def _what_becomes_of(track_id: str, *, kept: bool) -> str:
    if kept:
        return f"Track {track_id} is kept and goes on with the next broker (`lofi broker start`)."
    return f"queue.durable is false: if track {track_id} had not ended, submit it again."


def _cancel(lofi: Lofi, track_id: str) -> int:
    """Take back what was interrupted and say what became of it; the exit code."""
    from lofi_common.errors import BrokerUnavailable, InvalidTrackId

    try:
        cancelled = lofi.cancel(track_id, _CANCEL_SEC).status == "cancelled"
    except InvalidTrackId:
        cancelled = False
    except BrokerUnavailable as error:
        again = f"The cancel may still come; `lofi queue` tells, `lofi cancel {track_id}` sends it again."
        return exits.fail("INTERRUPTED", f"interrupted: {error}", again)
    end = "was cancelled" if cancelled else "had ended already"
    return exits.fail("INTERRUPTED", f"interrupted: the track {end}")


def main() -> None:
    exits.run(submit, "lofi-submit")


if __name__ == "__main__":
    main()
