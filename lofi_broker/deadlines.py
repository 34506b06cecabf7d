"""Tells the scheduler that time has passed, when something is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lofi_broker import events as ev
from lofi_broker.scheduler import Scheduler

_LATE_SEC = 0.5


class Deadlines:
    """One timer for all that the scheduler waits for."""

    def __init__(self, scheduler: Scheduler, feed: Callable[[ev.Event], None]) -> None:
        self._scheduler = scheduler
        self._feed = feed
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """What is due may have changed."""
        self._changed.set()

    async def watch(self) -> None:
        while True:
            self._changed.clear()
            deadline = self._scheduler.next_deadline()
            try:
                # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the event.
                async with asyncio.timeout(None if deadline is None else deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                assert deadline is not None
                if time.monotonic() - deadline > _LATE_SEC:  # this process slept: hear the workers first
                    await asyncio.sleep(_LATE_SEC)
                self._feed(ev.Tick())
