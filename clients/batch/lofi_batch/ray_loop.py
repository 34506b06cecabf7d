"""The worker's decode loop in a thread of its own, for coroutines that want tracks of it."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from lofi_common.jobs import JobSpec
from lofi_common.messages import BrokerMessage, Done, Failed, Run, Shutdown, WorkerMessage
from lofi_worker.agent import Agent
from lofi_worker.engine import Engine


class DecodeLoop:
    """As many tracks side by side as the engine has slots; the next one takes the place of one that ends.

    Belongs to the event loop in which it was made. It is the `Link` of its agent.
    """

    def __init__(self, engine: Engine, spool: Path, broken: Callable[[BaseException], None]) -> None:
        """broken: called in the loop's thread when the engine breaks; nothing that waits will end then."""
        self.orders: queue.SimpleQueue[BrokerMessage] = queue.SimpleQueue()
        self._events = asyncio.get_running_loop()
        self._broken = broken
        self._room = asyncio.Semaphore(engine.slots)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Done | Failed]] = {}
        """By the attempt's number."""
        self._agent = Agent(engine, self, spool)
        self._thread = threading.Thread(target=self._run, name="decode-loop", daemon=True)
        self._thread.start()

    async def make(self, track_id: str, spec: JobSpec) -> Done | Failed:
        """The track's file in the spool, or why there is none."""
        async with self._room:
            number = next(self._numbers)
            ended: asyncio.Future[Done | Failed] = self._events.create_future()
            self._waiting[number] = ended
            self.orders.put(Run(job_id=track_id, attempt=number, spec=spec))
            return await ended

    async def close(self, reason: str) -> None:
        """Leave; what is under way is cancelled."""
        self.orders.put(Shutdown(reason=reason))
        await asyncio.to_thread(self._thread.join)
        while self._waiting:
            self._waiting.popitem()[1].cancel()

    def send(self, message: WorkerMessage) -> None:
        """See `Link`: called in the loop's thread."""
        # What leaves takes the process with it, and whatever else was under way: `broken` tells.
        if isinstance(message, Done) or (isinstance(message, Failed) and not message.leaves):
            self._events.call_soon_threadsafe(self._ended, message)

    def _ended(self, message: Done | Failed) -> None:
        if message.attempt in self._waiting:  # else it was cancelled
            self._waiting.pop(message.attempt).set_result(message)

    def _run(self) -> None:
        try:
            self._agent.run()
        except BaseException as error:
            self._broken(error)
            raise
