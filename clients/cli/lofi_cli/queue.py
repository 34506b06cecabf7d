"""`lofi queue`, `lofi cancel` and `lofi status`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lofi_cli import complete, exits
from lofi_cli.group import HELP

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common import api

_MOST_RUNNING = 64
"""Slots of a worker at most: a batch that hands in more all the time is not chased for ever."""


@click.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="The whole status as one JSON object.")
def status(as_json: bool) -> None:
    """Show the broker, its workers, the queue and what plays; exit code 3 if no broker runs."""
    from lofi_cli.show import Overview, show_status
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        playback = lofi.playback()
        found = Overview(
            status=lofi.status(),
            library=lofi.stats(),
            playback=playback,
            playing=_track(lofi, playback.track_id),
        )
        click.echo(found.as_json() if as_json else show_status(found))


def _track(lofi: Lofi, track_id: str | None) -> api.Track | None:
    from lofi_common.errors import InvalidTrackId

    try:
        return lofi.track(track_id) if track_id else None
    except InvalidTrackId:
        return None


@click.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="The queue as one JSON object.")
def queue(as_json: bool) -> None:
    """Show what runs and what waits; exit code 3 if no broker runs."""
    from lofi_cli.show import json_line, show_queue
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        found = lofi.queue()
        click.echo(json_line(found) if as_json else show_queue(found))


@click.command(context_settings=HELP)
@click.argument("track_ids", nargs=-1, metavar="ID…", shell_complete=complete.waiting_ids)
@click.option("--all", "everything", is_flag=True, help="What runs and all that waits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per track.")
def cancel(track_ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Take back tracks that wait or run, for everybody who waits for them.

    The beginning of an ID is enough where it names one track.
    """
    if everything == bool(track_ids):
        raise click.UsageError("Give the ids of tracks, or --all.")
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        if everything:
            _cancel_all(lofi, as_json=as_json)
        else:
            sys.exit(_cancel_some(lofi, track_ids, as_json=as_json))


def _waiting(lofi: Lofi) -> list[str]:
    """What waits, the last one first, so that none starts while the others are taken back; then what runs."""
    found = lofi.queue()
    current = [found.current.track_id] if found.current else []
    return [job.track_id for job in reversed(found.pending)] + current


def _cancel_some(lofi: Lofi, texts: Sequence[str], *, as_json: bool) -> int:
    """The exit code. What can't be cancelled is told, and the others are gone on with."""
    from lofi_common.errors import InvalidTrackId

    waiting = _waiting(lofi)
    code = exits.OK
    meant: list[str] = []
    for text in texts:
        try:
            meant.append(_meant(lofi, text, waiting))
        except InvalidTrackId as error:
            code = exits.fail_with(error)
    places = {track_id: place for place, track_id in enumerate(waiting)}
    for track_id in sorted(dict.fromkeys(meant), key=lambda each: places.get(each, -1)):
        try:
            _tell(lofi.cancel(track_id), as_json=as_json)
        except InvalidTrackId as error:
            code = exits.fail_with(error)
    return code


def _meant(lofi: Lofi, text: str, waiting: list[str]) -> str:
    """Of several tracks whose ids begin so, the one that can be cancelled. Raises InvalidTrackId."""
    from lofi_cli.ids import resolve

    found = [track_id for track_id in waiting if text and track_id.startswith(text.strip().lower())]
    return found[0] if len(found) == 1 else resolve(lofi, text)


def _cancel_all(lofi: Lofi, *, as_json: bool) -> None:
    """The queue names one of the tracks that run: it is asked again until none runs that is not known."""
    from lofi_common.errors import InvalidTrackId

    known: set[str] = set()
    for _ in range(_MOST_RUNNING):
        new = [track_id for track_id in _waiting(lofi) if track_id not in known]
        if not new:
            break
        known.update(new)
        for track_id in new:
            with contextlib.suppress(InvalidTrackId):  # it has ended by itself
                _tell(lofi.cancel(track_id), as_json=as_json)
    if not known:
        exits.tell("nothing runs, nothing waits")


def _tell(done: api.CancelResult, *, as_json: bool) -> None:
    from lofi_cli.show import json_line

    click.echo(json_line(done) if as_json else f"{done.track_id} is {done.status}")
