"""`lofi player play`, which is `lofi tracks play` too."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from lofi_cli import complete, exits

if TYPE_CHECKING:
    from lofi_cli.watch_playback import PlaybackWatcher
    from lofi_client import Lofi
    from lofi_common.api_playback import PlaybackStatus


class Level(click.ParamType[float]):
    """A volume: 0 to 1, or in percent, whose sign may be left out above 1."""

    name = "level"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1.0
        in_percent = text.endswith("%") or (number > 1 and text.isdecimal())
        level = number / 100 if in_percent else number
        if not 0 <= level <= 1:
            self.fail(f"{text} is no volume: give 0 to 1, or a percentage such as 40", param, ctx)
        return level


@click.command()
@click.argument("track_ids", metavar="[ID]...", nargs=-1, shell_complete=complete.track_ids)
@click.option(
    "--volume",
    type=Level(),
    help="0 to 1, or a percentage such as 40; it is remembered.  [default: as last time, 0.3 at first]",
)
@click.option("--no-wait", is_flag=True, help="Leave at once; the music goes on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")
def play(track_ids: tuple[str, ...], volume: float | None, no_wait: bool, as_json: bool) -> None:
    """Play tracks, one after the other, until the last has ended.

    Also tracks that are being made: they are heard as soon as there is sound of them. Without an ID: go on
    with what is paused, else with the list, else play the whole library, newest first. It is heard on the
    broker's machine. Ctrl-C stops it.
    """
    with exits.reported():
        from lofi_cli.ids import resolve_all
        from lofi_cli.watch_playback import PlaybackWatcher, status_line
        from lofi_client import Lofi

        _end_on_signals()
        with Lofi.connect(name="lofi") as lofi:
            wanted = resolve_all(lofi, track_ids, repeated=True)
            if volume is not None:
                lofi.set_volume(volume)
            if wanted:
                tell_radio_ends(lofi)
            if no_wait:
                click.echo(status_line(lofi.play(wanted or None), as_json=as_json))
                return
            with PlaybackWatcher(as_json=as_json) as watcher:
                sys.exit(_play(lofi, wanted, watcher))


def tell_radio_ends(lofi: Lofi) -> None:
    """Tracks that are chosen end the radio: say so, if it is on."""
    radio = lofi.radio_status()
    if radio.state not in ("off", "failed"):
        exits.tell(
            f"this ends the radio: {radio.prompt}", "`lofi player add ID --next` lets a track be heard in it."
        )


def _end_on_signals() -> None:
    """The music ends with the command, also when its terminal is closed."""
    exits.end_on_sigterm()
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))


def _play(lofi: Lofi, wanted: list[str], watcher: PlaybackWatcher) -> int:
    """Play and follow to the end; the exit code."""
    began = False
    try:
        with exits.interrupt_deferred():
            status = lofi.play(wanted or None)
            began = True
        _follow(lofi, status, watcher)
    except (KeyboardInterrupt, SystemExit) as end:
        watcher.finish_bar()
        code = exits.INTERRUPTED if isinstance(end, KeyboardInterrupt) else int(end.code or 0)
        if began:
            lofi.stop()
            exits.fail("INTERRUPTED", "interrupted: the playback was stopped", code=code)
        return code
    return watcher.exit_code


def _follow(lofi: Lofi, status: PlaybackStatus, watcher: PlaybackWatcher) -> None:
    from lofi_common.api_playback import PlaybackEnded

    heard = lofi.listen()
    if status.track_id is None:  # so short that it has ended already
        return
    watcher.begun(status, lofi.track(status.track_id).prompt)
    for event in heard:
        over = watcher.told(event)
        if over or (isinstance(event, PlaybackEnded) and lofi.playback().state == "stopped"):
            return
