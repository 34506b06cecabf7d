"""Copies of tracks to where clients want them, on disks that may hang: nobody else waits for those."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from lofi_broker.outputs import check_output, copy_track
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError
from lofi_common.jobs import Output

THREADS = 8
"""At one time; what hangs keeps its thread, and other copies wait for one."""
PATIENCE_SEC = 30.0
"""How long a disk may take for a copy."""


class Copies:
    """Looks at paths that clients name, and writes to them, in threads of its own."""

    def __init__(self, mode: int) -> None:
        """mode: of the files."""
        self._mode = mode
        self._free = asyncio.Semaphore(THREADS)

    async def check(self, output: Output) -> None:
        """Raises CacheWriteError saying why a copy can't go there."""
        await self._run(lambda: check_output(output), output)

    async def copy(self, track: Track, output: Output) -> None:
        """Copy a track's file to where its user wants it. Raises CacheWriteError."""
        assert track.path is not None
        source = Path(track.path)
        await self._run(lambda: copy_track(source, output, self._mode), output)

    async def deliver(self, track: Track, wanted: Callable[[], tuple[Output, ...]]) -> dict[str, str]:
        """Copy the track to all that `wanted` names, and goes on to name: requests may join meanwhile.

        Returns the paths that could not be written, with the reason.
        """
        delivered: tuple[Output, ...] = ()
        failed: dict[str, str] = {}
        while missing := tuple(output for output in wanted() if output not in delivered):
            paths = dict.fromkeys(output.path for output in missing)
            outcomes = await asyncio.gather(
                *(self._to_path(track, [o for o in missing if o.path == path]) for path in paths)
            )
            failed |= dict(zip(paths, outcomes, strict=True))
            delivered += missing
        return {path: reason for path, reason in failed.items() if reason}

    async def _to_path(self, track: Track, outputs: list[Output]) -> str:
        """One after another to the same path; why the last one failed, or nothing."""
        reason = ""
        for output in outputs:
            try:
                await self.copy(track, output)
                reason = ""
            except CacheWriteError as error:
                reason = str(error)
        return reason

    async def _run(self, work: Callable[[], object], output: Output) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SEC):
                await self._free.acquire()
                await self._in_thread(work)
        except TimeoutError:
            raise CacheWriteError(
                f"{output.path} can't be written: its disk has not answered within {PATIENCE_SEC:g} s",
                recovery="Look whether that disk is there, or choose another folder.",
            ) from None

    def _in_thread(self, work: Callable[[], object]) -> asyncio.Future[None]:
        """Not in an executor: the broker could not end before its threads do."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def end(error: Exception | None) -> None:
            self._free.release()
            if done.done():  # nobody waited so long
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def run() -> None:
            failure: Exception | None = None
            try:
                work()
            except Exception as error:
                failure = error
            with contextlib.suppress(RuntimeError):  # the broker has left
                loop.call_soon_threadsafe(end, failure)

        threading.Thread(target=run, name="copy", daemon=True).start()
        return done
