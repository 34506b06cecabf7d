"""Which track of the library another one is to continue, or why it can't be."""

from __future__ import annotations

from lofi_broker.library import Library
from lofi_common.api import Track
from lofi_common.errors import InvalidTrackId


def base_of(library: Library, track_id: str) -> Track:
    """The track that another one is to continue. Raises InvalidTrackId that says why it can't be."""
    track = library.find(track_id)
    if track is None:
        raise InvalidTrackId(
            f"the library has no track {track_id} to continue",
            recovery="Continue a track once it is complete; `lofi tracks` lists them.",
        )
    if track.loop:
        raise InvalidTrackId(
            f"track {track_id} is a loop: it has no end to continue from",
            recovery="Continue a track that was made without `loop`.",
        )
    if track.segment:
        raise InvalidTrackId(
            f"track {track_id} is a piece of a stream: only the radio continues it",
            recovery=f"`lofi tracks export {track_id} -o PATH` keeps a copy of it; tracks can be continued.",
        )
    if track.source == "imported":
        raise InvalidTrackId(
            f"track {track_id} was imported: it has no tokens to continue from",
            recovery="Continue a track that was made here.",
        )
    if not library.has_tokens(track):
        raise InvalidTrackId(
            f"track {track_id} can't be continued: its tokens are missing or damaged",
            recovery=f"`lofi tracks rm {track_id}`, then make it again: from the same prompt, seed and"
            " options it comes out the same.",
        )
    return track
