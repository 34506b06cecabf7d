"""What its user says of a track: favourite, tags, played. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lofi_broker.words import folded
from lofi_common.api_library import MOST_TAGS, Track
from lofi_common.errors import InvalidParams

_TAG_CHARS = 40


def favoured(track: Track, on: bool) -> Track:
    return msgspec.structs.replace(track if not on else wanted(track), favourite=on)


def wanted(track: Track) -> Track:
    """Not the radio's alone any more."""
    return msgspec.structs.replace(track, radio=False)


def played(track: Track, at: float) -> Track:
    return msgspec.structs.replace(track, plays=track.plays + 1, played_at=at)


def tagged(track: Track, add: Sequence[str], remove: Sequence[str]) -> Track:
    """With these tags more, and without those. Tags that differ in case or accents alone are one.

    Raises InvalidParams for what is no tag, and for more than a track can have.
    """
    dropped = {folded(_checked(tag)) for tag in remove}
    tags = {folded(tag): tag for tag in track.tags if folded(tag) not in dropped}
    for tag in map(_checked, add):
        tags.setdefault(folded(tag), tag)
    if len(tags) > MOST_TAGS:
        raise InvalidParams(f"a track has at most {MOST_TAGS} tags, not {len(tags)}")
    return msgspec.structs.replace(wanted(track) if add else track, tags=list(tags.values()))


def _checked(text: str) -> str:
    """The tag on one line, without the spaces around it."""
    tag = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not tag or len(tag) > _TAG_CHARS or not folded(tag).strip():
        raise InvalidParams(f"a tag has 1 to {_TAG_CHARS} characters")
    return tag
