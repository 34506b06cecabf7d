"""The library's limits: the radio's pieces make room, then what was not played for long. Favourites stay."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection

from lofi_broker.active import ActiveJobs
from lofi_broker.index import Held
from lofi_broker.library import Library
from lofi_broker.playback import Playback
from lofi_common import api, api_library
from lofi_common.config import CacheConfig
from lofi_common.errors import CacheWriteError
from lofi_common.logs import fields

log = logging.getLogger(__name__)

MB = 1_000_000
_STAY = "what is left are favourites, the newest track, or tracks in use"

Publish = Callable[[str, api.Result], None]


def to_evict(tracks: Collection[Held], limits: CacheConfig, needed: Collection[str]) -> list[str]:
    """The ids of the tracks that go: pieces of the radio, then others, each kind in the order of last use.

    The radio never costs another track: those go only as far as they are over the limits by themselves.
    Favourites, the newest track of each kind and those of `needed` stay, and when they alone are over the
    limits, nothing else helps: then they are.
    """
    others = [track for track in tracks if not track.radio]
    pieces = [track for track in tracks if track.radio]
    taken = sum(track.bytes for track in others), len(others)
    return _over(pieces, limits, needed, taken) + _over(others, limits, needed, (0, 0))


def _over(
    tracks: Collection[Held], limits: CacheConfig, needed: Collection[str], taken: tuple[int, int]
) -> list[str]:
    """Which of these go. taken: of the limits, by others: (bytes, tracks)."""
    size, number = taken[0] + sum(track.bytes for track in tracks), taken[1] + len(tracks)
    most_bytes, most_tracks = limits.max_mb * MB or size, limits.max_tracks or number
    newest = max((track.created_at for track in tracks), default=0.0)
    gone = []
    for track in sorted(tracks, key=lambda track: (track.used_at, track.track_id)):
        if size <= most_bytes and number <= most_tracks:
            break
        if not (track.favourite or track.created_at == newest or track.track_id in needed):
            gone.append(track.track_id)
            size, number = size - track.bytes, number - 1
    return gone


class Eviction:
    """Sees to it that the library keeps its limits."""

    def __init__(
        self,
        limits: CacheConfig,
        library: Library,
        playback: Playback,
        active: ActiveJobs,
        publish: Publish,
    ) -> None:
        """What `playback` plays is needed, and what the `active` jobs continue."""
        self._limits = limits
        self._library = library
        self._playback = playback
        self._active = active
        self._publish = publish
        self._told = False
        self.evicted = 0
        """Tracks that were deleted since the broker's start."""

    async def run(self) -> None:
        """Delete what is too much, and say so. What can't be deleted is logged, and stays."""
        if not self._over():
            self._told = False
            return
        limits = {"max_mb": self._limits.max_mb, "max_tracks": self._limits.max_tracks}
        try:
            gone = await self._library.make_room(self._choose)
        except (CacheWriteError, sqlite3.Error) as error:
            log.warning(fields("eviction_failed", **limits, reason=error))
            return
        for track in gone:
            about = {"track_id": track.track_id, "bytes": track.bytes, "radio": track.radio}
            log.info(fields("track_evicted", **about, **limits))
        self.evicted += len(gone)
        if gone:
            evicted = api_library.CacheEvicted(track_ids=[track.track_id for track in gone])
            self._publish("cache_evicted", evicted)
            self._playback.forget(evicted.track_ids)
        over = self._over()
        if over and not self._told:
            log.warning(fields("library_over_limit", **limits, reason=_STAY))
        self._told = over

    def _choose(self, tracks: Collection[Held]) -> list[str]:
        pieces = frozenset(track.track_id for track in tracks if track.radio)
        return to_evict(tracks, self._limits, self._playback.holds(pieces) | self._active.bases())

    def _over(self) -> bool:
        number, size = self._library.stats()
        limits = self._limits
        too_much = limits.max_mb and size > limits.max_mb * MB
        return bool(too_much or (limits.max_tracks and number > limits.max_tracks))
