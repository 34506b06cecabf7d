"""Who needs the broker, and whether anybody still does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lofi_broker.active import ActiveJobs


class Needs:
    """Requests, tracks that somebody waits for or hears, clients that are there, installations under way."""

    def __init__(
        self,
        jobs: ActiveJobs,
        installing: Callable[[], bool],
        present: Callable[[], bool],
        playing: Callable[[], bool],
    ) -> None:
        """installing: a model is being installed. present: a client that wants events is connected.
        playing: something is heard, at this moment."""
        self._jobs = jobs
        self._installing = installing
        self._present = present
        self._playing = playing
        self._last_request = time.monotonic()
        self._tracks: set[str] = set()

    def request(self) -> None:
        """Somebody asks for something."""
        self._last_request = time.monotonic()

    def track(self, track_id: str) -> None:
        """A client of the socket asked for it: it may wait for the track elsewhere."""
        self._tracks = self._under_way() | {track_id}

    def _under_way(self) -> set[str]:
        return {track_id for track_id in self._tracks if self._jobs.get(track_id)}

    def by_others(self) -> bool:
        """True while clients other than the stdio front are connected or wait, or a model is installed."""
        return bool(self._under_way()) or self._installing() or self._present()

    async def none_for(self, seconds: float) -> None:
        """Wait until nobody has needed the broker for so long."""
        while True:
            rest = self._last_request + seconds - time.monotonic()
            if rest > 0:
                await asyncio.sleep(rest)
            elif len(self._jobs) or self._installing() or self._playing() or self._present():
                await asyncio.sleep(seconds)
            else:
                return
