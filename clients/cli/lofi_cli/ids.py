"""Track ids as people type them: whole, or as much of the beginning as names one track."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lofi_client import Lofi

_ID_CHARS = 16
_LEAST_CHARS = 4
"""What is shorter is more likely a slip of the finger."""
_SHOWN = 5
_PAGE = 1000


def resolve(lofi: Lofi, text: str) -> str:
    """The id of the track of queue or library whose id begins with `text`.

    A whole id is taken as it is, the broker knows whether there is such a track.
    Raises InvalidTrackId when no id, or more than one, begins so.
    """
    return resolve_all(lofi, [text])[0]


def resolve_all(lofi: Lofi, texts: Iterable[str], *, repeated: bool = False) -> list[str]:
    """The id for each text, in order, from one look at queue and library. repeated: as often as it is named,
    else once.

    Raises InvalidTrackId.
    """
    typed = [text.strip().lower() for text in texts]
    known = _known_ids(lofi) if any(len(text) < _ID_CHARS for text in typed) else []
    ids = [text if len(text) >= _ID_CHARS else _only(text, known) for text in typed]
    return ids if repeated else list(dict.fromkeys(ids))


def _only(beginning: str, known: list[str]) -> str:
    from lofi_common.errors import InvalidTrackId

    if len(beginning) < _LEAST_CHARS:
        raise InvalidTrackId(f"{beginning!r} is too short: give at least {_LEAST_CHARS} characters of the id")
    found = [track_id for track_id in known if track_id.startswith(beginning)]
    if not found:
        raise InvalidTrackId(f"no track's id begins with {beginning}")
    if len(found) > 1:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InvalidTrackId(
            f"{len(found)} ids begin with {beginning}: {', '.join(found[:_SHOWN])}{more}",
            recovery="Give more characters of the one that you mean.",
        )
    return found[0]


def _known_ids(lofi: Lofi) -> list[str]:
    """Every id of the queue, then of the library, newest first."""
    queue = lofi.queue()
    running = [queue.current.track_id] if queue.current else []
    ids = dict.fromkeys(running + [job.track_id for job in queue.pending])
    read, total = 0, 1
    while read < total:
        page = lofi.tracks(limit=_PAGE, offset=read)
        if not page.tracks:
            break
        ids |= dict.fromkeys(track.track_id for track in page.tracks)
        read, total = read + len(page.tracks), page.total
    return list(ids)
