"""`lofi radio`: music that does not end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from lofi_cli import exits
from lofi_cli.group import HELP

if TYPE_CHECKING:
    from lofi_cli.watch_radio import RadioWatcher
    from lofi_client import Lofi
    from lofi_common.api_radio import RadioMode, RadioStatus, Strategy

_FIRST_SEC = 20.0
"""How long --no-wait waits for the first sound: then it is likely that there will be some."""


@click.command(context_settings=HELP)
@click.argument("first", metavar="[PROMPT]", required=False)
@click.option(
    "--mode",
    type=click.Choice(["playlist", "stream"]),
    help="playlist: track after track, kept in the library. stream: one piece of music that goes on and on."
    "  [default: playlist, or radio.mode]",
)
@click.option(
    "--strategy",
    type=click.Choice(["same_prompt", "preset_cycle", "random_preset"]),
    help="What later pieces are made from.  [default: same_prompt with a PROMPT, else preset_cycle]",
)
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), help="The same prompts and seeds again.")
@click.option("--model", metavar="NAME", help="The model to use.  [default: the selected one]")
@click.option("--prompt", metavar="PROMPT", help="Let the radio that plays go on with this prompt.")
@click.option("--stop", is_flag=True, help="End the radio that plays.")
@click.option("--status", is_flag=True, help="Tell what it plays.")
@click.option("--no-wait", is_flag=True, help="Leave when the music has begun; it goes on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")
def radio(
    first: str | None,
    mode: RadioMode | None,
    strategy: Strategy | None,
    seed: int | None,
    model: str | None,
    prompt: str | None,
    stop: bool,
    status: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Play music that does not end, made while it plays.

    It is heard on the broker's machine. Ctrl-C ends it. From another terminal: --prompt, --stop, --status.
    """
    begins = {"PROMPT": first, "--mode": mode, "--strategy": strategy, "--seed": seed, "--model": model}
    orders = {"--prompt": prompt is not None, "--stop": stop, "--status": status}
    given = [name for name, there in orders.items() if there]
    extra = [name for name, value in begins.items() if value is not None] + ["--no-wait"] * no_wait
    if len(given) > 1 or (given and extra):
        raise click.UsageError(f"{given[0]} is about the radio that plays, and goes with nothing but --json.")
    with exits.reported():
        from lofi_cli.watch_radio import RadioWatcher
        from lofi_client import Lofi

        if given:
            with Lofi.connect(start=False, name="lofi") as lofi:
                orders_of = {"--stop": lofi.stop_radio, "--status": lofi.radio_status}
                found = lofi.set_radio_prompt(prompt) if prompt is not None else orders_of[given[0]]()
            sys.exit(_told(found, as_json=as_json))
        exits.end_on_sigterm()
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # the music ends with its terminal
            signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))
        with Lofi.connect(name="lofi") as lofi:
            wanted = partial(lofi.radio, first, mode=mode, strategy=strategy, seed=seed, model=model)
            start = partial(_start, lofi, wanted)
            if no_wait:
                sys.exit(_told(_once_heard(lofi, start()), as_json=as_json))
            with RadioWatcher(as_json=as_json) as watcher:
                sys.exit(_listen(lofi, start, watcher))


def _told(status: RadioStatus, *, as_json: bool) -> int:
    """Tell how the radio stands; the exit code."""
    from lofi_cli.watch_radio import fail_radio, radio_line

    if as_json or status.state != "failed":
        click.echo(radio_line(status, as_json=as_json))
    return fail_radio(status) if status.state == "failed" else exits.OK


def _start(lofi: Lofi, wanted: Callable[[], RadioStatus]) -> RadioStatus:
    """Start it, and tell whose place it takes."""
    before = lofi.radio_status()
    status = wanted()
    if before.state not in ("off", "failed"):
        exits.tell(
            f"in the place of the radio that played: {before.prompt}",
            "`lofi radio --prompt PROMPT` gives the one that plays another prompt.",
        )
    return status


def _once_heard(lofi: Lofi, status: RadioStatus) -> RadioStatus:
    """How it stands when there is something to hear, or when it is known why there is not."""
    from lofi_common.api_radio import RadioChanged

    deadline = time.monotonic() + _FIRST_SEC
    while status.state == "starting" and (left := deadline - time.monotonic()) > 0:
        match lofi.next_event(left):
            case RadioChanged() as changed if changed.number == status.number:
                status = changed
    return status


def _listen(lofi: Lofi, start: Callable[[], RadioStatus], watcher: RadioWatcher) -> int:
    """Start it and follow it to its end; the exit code."""
    began = False
    try:
        with exits.interrupt_deferred():
            watcher.begun(start())
            began = True
        for event in lofi.listen():
            if watcher.told(event, lofi.radio_status):
                break
    except (KeyboardInterrupt, SystemExit) as end:
        watcher.end_line()
        code = exits.INTERRUPTED if isinstance(end, KeyboardInterrupt) else int(end.code or 0)
        if began and lofi.radio_status().number == watcher.number:
            lofi.stop_radio()
            exits.fail("INTERRUPTED", "interrupted: the radio was stopped", code=code)
        elif began:
            exits.fail("INTERRUPTED", "interrupted: another radio plays, and goes on", code=code)
        return code
    return watcher.exit_code
