"""The list that is played, for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lofi_cli.look import fitted
from lofi_cli.show import json_line, printable
from lofi_client import Lofi
from lofi_common.api_playback import PlaylistResult
from lofi_common.units import clock

_PAGE = 100
_WORDS = {"generating": "  (being made)", "queued": "  (waits to be made)", "failed": "  (can't be played)"}


def playlist_json(lofi: Lofi) -> str:
    """The whole list as one object."""
    pages = list(_pages(lofi))
    whole = [item for page in pages for item in page.items]
    return json_line(msgspec.structs.replace(pages[-1], items=whole))


def show_playlist(lofi: Lofi) -> str:
    """A line for each track; `>` marks what plays."""
    lines: list[str] = []
    for page in _pages(lofi):
        for item in page.items:
            mark = ">" if len(lines) == page.index else " "
            told = printable(item.prompt) + _WORDS.get(item.state, "")
            lines.append(f"{mark}{len(lines) + 1:>4}  {item.track_id}  {clock(item.duration_sec):>5}  {told}")
    return "\n".join(fitted(line) for line in lines) or "the list is empty"


def _pages(lofi: Lofi) -> Iterator[PlaylistResult]:
    read, count = 0, 1
    while read < count:
        page = lofi.playlist(limit=_PAGE, offset=read)
        yield page
        read, count = read + _PAGE, page.count
