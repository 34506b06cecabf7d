"""One worker process: start it, keep its last words, end it in order or by force."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence

from lofi_common.logs import LINE_START, fields

log = logging.getLogger(__name__)

_LAST_WORDS = 5


class WorkerProcess:
    """A child in a process group of its own. Closing its stdin tells it to leave."""

    def __init__(self, name: str, child: asyncio.subprocess.Process) -> None:
        self.name = name
        self._child = child
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._child.pid

    @classmethod
    async def start(
        cls, name: str, arguments: Sequence[str], on_exit: Callable[[WorkerProcess, str], None]
    ) -> WorkerProcess:
        """Run `python -m lofi_worker` with these arguments; `on_exit` gets the reason when it is gone."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lofi_worker",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 16,
        )
        process = cls(name, child)
        process._watcher = asyncio.create_task(process._watch(on_exit), name=f"watch-{name}")
        return process

    _watcher: asyncio.Task[None]

    async def _watch(self, on_exit: Callable[[WorkerProcess, str], None]) -> None:
        reader = asyncio.create_task(self._read_stderr())
        code = await self._child.wait()
        self.signal(signal.SIGKILL)  # whatever the worker started dies with it, and so does its stderr
        await reader
        self._ended.set()
        on_exit(self, self._reason(code))

    async def _read_stderr(self) -> None:
        assert self._child.stderr is not None
        while True:
            try:
                line = await self._child.stderr.readline()
            except ValueError:  # a line over the limit: the stream goes on behind it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            if not text:
                continue
            if not text.startswith(LINE_START):  # its log lines are no last words, a traceback is
                self._words.append(text)
            log.info(fields("worker_stderr", worker=self.name, line=text))

    def _reason(self, code: int) -> str:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{how}: {self._words[-1]}" if code != 0 and self._words else how

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)

    async def stop(self, grace_sec: float) -> None:
        """The ladder after `Shutdown`: stdin closed, SIGTERM, SIGKILL, each after its grace."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if await self._gone(grace_sec):
                return
            self.signal(number)
        await self._ended.wait()

    async def _gone(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True
