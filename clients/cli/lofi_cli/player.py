"""`lofi player`: what plays, and what comes after it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lofi_cli import complete, exits, playing
from lofi_cli.group import HELP, ListingGroup

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common.api_playback import PlaybackStatus

_FORM = re.compile(r"([+-]?)(?:(?:(\d+):(?=\d\d:))?(\d+):)?(\d+(?:\.\d+)?)")
_as_json = click.option(
    "--json", "as_json", is_flag=True, help="The state of the playback as one JSON object."
)


class _Player(ListingGroup):
    bare = "status"


@click.group(cls=_Player, context_settings=HELP)
def player() -> None:
    """Play tracks on the broker's machine, hold, skip and seek in them, and edit what comes next.

    Without a command: status. An ID may be cut short while it means one track.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # prompts in any script


player.add_command(playing.play)


def _order(name: str, words: str) -> None:
    """A command that takes nothing: the function of `Lofi` of that name."""

    @player.command("next" if name == "skip" else name, help=words)
    @_as_json
    def command(as_json: bool) -> None:
        _tell(lambda lofi: getattr(lofi, name)(), as_json=as_json)


_order("pause", "Hold what plays.")
_order("resume", "Go on with what is paused.")
_order("toggle", "Hold what plays, or go on with it; where nothing plays, play the list or the library.")
_order("stop", "End the playback.")
_order(
    "skip", "Play the next track of the list; after the last one, stop, or wait for the radio's next piece."
)
_order("previous", "Play the track before; after more than 3 s of a track, that one from its start.")


@player.command()
@_as_json
def status(as_json: bool) -> None:
    """Tell what plays."""
    _tell(lambda lofi: lofi.playback(), as_json=as_json)


class _Place(click.ParamType[tuple[str, float]]):
    """A place in a track, or how far from here: sign and seconds."""

    name = "place"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        found = _FORM.fullmatch(str(value))
        if found is None:
            self.fail(
                f"{value} is no place: give seconds, m:ss or h:mm:ss, with + or - for so far from here",
                param,
                ctx,
            )
        sign, hours, minutes, seconds = found.groups()
        return sign, 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(seconds)


PLACE = _Place()


@player.command(context_settings={"ignore_unknown_options": True})  # so that -10 is a place
@click.argument("place", metavar="[+-]PLACE", type=PLACE)
@_as_json
def seek(place: tuple[str, float], as_json: bool) -> None:
    """Go to a PLACE in the track, in seconds, as m:ss or h:mm:ss; with + or - so far from here."""

    def there(lofi: Lofi) -> PlaybackStatus:
        sign, seconds = place
        here = lofi.playback().position_sec if sign else 0.0
        return lofi.seek(max(0.0, here - seconds if sign == "-" else here + seconds))

    _tell(there, as_json=as_json)


@player.command()
@click.argument("level", type=playing.Level(), required=False)
@_as_json
def volume(level: float | None, as_json: bool) -> None:
    """Set the volume to LEVEL, 0 to 1 or a percentage such as 40, or tell it. It is remembered."""
    _tell(
        lambda lofi: lofi.playback() if level is None else lofi.set_volume(level), as_json=as_json, start=True
    )


@player.command()
@click.argument("seconds", type=click.FloatRange(0, 12), required=False)
@_as_json
def crossfade(seconds: float | None, as_json: bool) -> None:
    """Let one track fade into the next for so many SECONDS, 0 to 12, or tell how many. It is remembered."""
    _tell(
        lambda lofi: lofi.playback() if seconds is None else lofi.set_crossfade(seconds),
        lambda status: f"crossfade {status.crossfade_sec:g} s",
        as_json=as_json,
        start=True,
    )


@player.command()
@click.argument("mode", type=click.Choice(["off", "track", "list"]), required=False)
@_as_json
def loop(mode: Any, as_json: bool) -> None:
    """Play the track, or the list, again and again, also after a stop, or tell whether it is so."""
    _tell(
        lambda lofi: lofi.playback() if mode is None else lofi.set_loop(mode),
        lambda status: f"loop {status.loop}",
        as_json=as_json,
        start=True,
    )


@player.command()
@click.argument("name", required=False)
@click.option("--default", "default", is_flag=True, help="The default device, whichever it is.")
@_as_json
def device(name: str | None, default: bool, as_json: bool) -> None:
    """Send the sound to the device NAME (`lofi player devices` lists them), or tell which one was chosen.

    It is remembered.
    """
    if default and name is not None:
        raise click.UsageError("give a NAME or --default")
    wanted = name is not None or default
    _tell(
        lambda lofi: lofi.set_audio_device(name) if wanted else lofi.playback(),
        lambda status: f"sound goes to {status.device or 'the default device'}",
        as_json=as_json,
        start=True,
    )


@player.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def devices(as_json: bool) -> None:
    """List the sound devices of the broker's machine."""
    from lofi_cli.show import json_line, printable
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        found = lofi.audio_devices()
    if as_json:
        click.echo(json_line(found))
        return
    for each in found.devices:
        marks = [
            mark for mark, on in (("default", each.default), ("chosen", each.name == found.current)) if on
        ]
        click.echo(printable(each.name) + (f"  ({', '.join(marks)})" if marks else ""))


@player.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(as_json: bool) -> None:
    """Show the list that is played, counted from 1."""
    from lofi_cli.show_playlist import playlist_json, show_playlist
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        click.echo(playlist_json(lofi) if as_json else show_playlist(lofi))


@player.command()
@click.argument("track_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete.track_ids)
@click.option("--at", type=click.IntRange(1), help="Its place, counted from 1.  [default: behind the last]")
@click.option("--next", "following", is_flag=True, help="Behind what plays.")
@_as_json
def add(track_ids: tuple[str, ...], at: int | None, following: bool, as_json: bool) -> None:
    """Put tracks into the list that is played."""
    if following and at is not None:
        raise click.UsageError("give --at or --next")

    def added(lofi: Lofi) -> PlaybackStatus:
        from lofi_cli.ids import resolve_all

        found = resolve_all(lofi, track_ids, repeated=True)
        now = lofi.playback() if following else None
        place = now.index + 1 if now is not None and now.track_id is not None else None
        return lofi.add_to_playlist(found, at - 1 if at is not None else place)

    _tell(added, as_json=as_json, start=True)


@player.command()
@click.argument("place", type=click.IntRange(1))
@_as_json
def remove(place: int, as_json: bool) -> None:
    """Take the track out of the list that has this PLACE, counted from 1."""

    def removed(lofi: Lofi) -> PlaybackStatus:
        from lofi_cli.show import counted
        from lofi_common.errors import InvalidParams

        try:
            return lofi.remove_from_playlist(place - 1)
        except InvalidParams:  # it counts from 0
            count = counted(lofi.playback().count, "track")
            what = f"there is no place {place}; the list has {count}"
            raise InvalidParams(what, recovery="`lofi player list` shows it.") from None

    _tell(removed, as_json=as_json)


@player.command()
@_as_json
def clear(as_json: bool) -> None:
    """Take all tracks out of the list but the one that plays."""
    _tell(lambda lofi: lofi.clear_playlist(), as_json=as_json)


def _tell(
    order: Callable[[Lofi], PlaybackStatus],
    words: Callable[[PlaybackStatus], str] | None = None,
    *,
    as_json: bool,
    start: bool = False,
) -> None:
    """Give an order and tell how things are then. words: instead of what plays."""
    from lofi_cli.watch_playback import status_line
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=start, name="lofi") as lofi:
        status = order(lofi)
    click.echo(words(status) if words is not None and not as_json else status_line(status, as_json=as_json))
