"""`lofi-submit PROMPT`: a track from a prompt; its path on stdout, progress on a terminal's stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lofi_cli import exits

if TYPE_CHECKING:
    from lofi_cli.watch import Watcher
    from lofi_client import Lofi
    from lofi_common import api


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("prompt")
@click.option(
    "-d", "--duration", type=int, default=30, show_default=True, help="Length in seconds, 5 to 120."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Copy the track to this file or folder."
)
@click.option("--seed", type=int, help="Same prompt and seed, same track. Chosen if not given.")
@click.option("--model", help="Model to use.  [default: the selected one]")
@click.option("--priority", type=click.Choice(["normal", "high"]), default="normal", show_default=True)
@click.option(
    "--format", "kind", type=click.Choice(["wav", "flac", "ogg", "mp3"]), default="wav", show_default=True
)
@click.option("--temperature", type=float, help="Randomness; 0 = none.  [default: the model's]")
@click.option("--top-k", type=int, help="Draw from the k likeliest tokens; 0 = all.  [default: the model's]")
@click.option("--top-p", type=float, help="Draw from the likeliest share p; 0 = off.  [default: the model's]")
@click.option("--guidance", type=float, help="How closely to follow the prompt.  [default: the model's]")
@click.option("--timeout", type=float, help="Give up waiting after this many seconds; the track goes on.")
@click.option("--no-wait", is_flag=True, help="Queue the track, print its id and leave.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object per line on stdout instead of the path."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, even on a terminal.")
def main(
    prompt: str,
    duration: int,
    output: Path | None,
    seed: int | None,
    model: str | None,
    priority: str,
    kind: str,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    guidance: float | None,
    timeout: float | None,
    no_wait: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Turn PROMPT into a lo-fi track ("-" reads it from stdin).

    A broker is started if none is running. Ctrl-C cancels the track.
    """
    # Imported here so that --help and usage errors come at once.
    from lofi_cli.watch import Watcher
    from lofi_client import Lofi
    from lofi_common import api

    wanted: dict[str, object] = {
        "prompt": sys.stdin.read() if prompt == "-" else prompt,
        "duration_sec": duration,
        "seed": seed,
        "priority": priority,
        "model": model,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "guidance_scale": guidance,
        "format": kind,
        "output": str(output.absolute()) if output is not None else None,
    }
    with exits.reported():
        params: api.GenerateParams = api.parse_params("generate", wanted)
        with Watcher(output=output, as_json=as_json, quiet=quiet) as watcher:
            watcher.say("starting")
            with Lofi.connect(name="lofi-submit") as lofi:
                sys.exit(_run(lofi, params, watcher, timeout=timeout, wait=not no_wait))


def _run(
    lofi: Lofi, params: api.GenerateParams, watcher: Watcher, *, timeout: float | None, wait: bool
) -> int:
    """Submit and follow one track; the exit code."""
    accepted = lofi.generate(params)
    watcher.accepted(accepted, print_id=not wait)
    if not wait:
        return exits.OK
    try:
        for told in lofi.follow(accepted, timeout):
            watcher.told(told)
    except KeyboardInterrupt:
        lofi.cancel(accepted.track_id)
        exits.tell("interrupted: the track was cancelled")
        return exits.INTERRUPTED
    except TimeoutError as error:
        exits.tell(str(error), "It goes on in the background; the same command with its seed finds it again.")
        return exits.TIMED_OUT
    return watcher.exit_code


if __name__ == "__main__":
    main()
