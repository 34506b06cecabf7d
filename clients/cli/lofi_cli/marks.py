"""`lofi tracks fav`, `unfav`, `tag`, `untag`: what is said of tracks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from lofi_cli import complete, exits

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common import api

_ids = click.argument(
    "track_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete.track_ids
)
_id = click.argument("track_id", metavar="ID", shell_complete=complete.track_ids)
_tags = click.argument("tags", metavar="TAG...", nargs=-1, required=True)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object per track, as it is now.")


@click.command()
@_ids
@_as_json
def fav(track_ids: tuple[str, ...], as_json: bool) -> None:
    """Make favourites of tracks: they stay, whatever the limits of the library."""
    _mark(track_ids, lambda lofi, track_id: lofi.favourite_track(track_id), as_json=as_json)


@click.command()
@_ids
@_as_json
def unfav(track_ids: tuple[str, ...], as_json: bool) -> None:
    """Make favourites tracks like others again."""
    _mark(track_ids, lambda lofi, track_id: lofi.favourite_track(track_id, False), as_json=as_json)


@click.command()
@_id
@_tags
@_as_json
def tag(track_id: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Give a track tags: `lofi tracks tag ID rain "late work"`."""
    _mark((track_id,), lambda lofi, found: lofi.tag_track(found, add=tags), as_json=as_json)


@click.command()
@_id
@_tags
@_as_json
def untag(track_id: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Take tags from a track."""
    _mark((track_id,), lambda lofi, found: lofi.tag_track(found, remove=tags), as_json=as_json)


def _mark(texts: tuple[str, ...], mark: Callable[[Lofi, str], api.Track], *, as_json: bool) -> None:
    with exits.reported():
        from lofi_cli.ids import resolve_all
        from lofi_cli.show import json_line
        from lofi_cli.show_tracks import named
        from lofi_client import Lofi

        with Lofi.connect(name="lofi") as lofi:
            for track_id in resolve_all(lofi, texts):
                track = mark(lofi, track_id)
                click.echo(json_line(track) if as_json else f"{track.track_id}  {named(track)}")
