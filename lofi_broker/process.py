"""One child process: start it, keep its last words, end it in order or by force."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from lofi_broker.memory import kernel_kills
from lofi_common.cores import HUGE_PAGES
from lofi_common.logs import LINE_START, fields

log = logging.getLogger(__name__)

_LAST_WORDS = 5
_LINE_BYTES = 1 << 16

Take = Callable[[bytes], None]


def python_module(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of our modules."""
    # -P: modules of the folder that the user happens to be in are not ours.
    return [sys.executable, "-P", "-m", module, *arguments]


class ChildProcess:
    """A child in a process group of its own. Closing its stdin tells it to leave."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, take: Take | None) -> None:
        self.name = name
        self._child = child
        self._take = take
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._ended = asyncio.Event()
        self._kernel_kills = kernel_kills()

    @property
    def pid(self) -> int:
        return self._child.pid

    @classmethod
    async def start(cls, name: str, command: Sequence[str], take: Take | None = None) -> ChildProcess:
        """Run a command; `take` gets each line of its stdout. Raises OSError when it can't be started."""
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if take else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**HUGE_PAGES, **os.environ},
            limit=_LINE_BYTES,
        )
        return cls(name, child, take)

    async def watch(self) -> str:
        """Wait for the end of the process; returns the reason. Cancelled, it ends the process at once."""
        readers = [asyncio.create_task(self._read_stderr()), asyncio.create_task(self._read_stdout())]
        try:
            code = await self._child.wait()
            self.signal(signal.SIGKILL)  # whatever the child started dies with it, and so do its streams
            await asyncio.gather(*readers)
        except asyncio.CancelledError:
            self.signal(signal.SIGKILL)
            raise
        finally:
            self._ended.set()
        return self._reason(code)

    async def _read_stdout(self) -> None:
        if self._take is not None:
            async for line in _lines(self._child.stdout):
                self._take(line)

    async def _read_stderr(self) -> None:
        async for line in _lines(self._child.stderr):
            text = line.decode(errors="replace").rstrip()
            if not text:
                continue
            if text.startswith(LINE_START):  # the child's own log, without its time and level
                log.info(f"{text.split(' ', 2)[-1]} worker={self.name}")
            else:
                self._words.append(text)
                log.warning(fields("worker_stderr", worker=self.name, line=text))

    def _reason(self, code: int) -> str:
        how = f"killed by {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        if code == -signal.SIGKILL and kernel_kills() > self._kernel_kills:
            how += " while the machine was out of memory"
        return f"{how}: {self._words[-1]}" if code != 0 and self._words else how

    def send(self, line: bytes) -> None:
        """Write to its stdin, which may take it later; what is sent to one that is gone is lost."""
        assert self._child.stdin is not None
        self._child.stdin.write(line)

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


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    """The lines of a child's output; those over the limit are left out."""
    assert stream is not None
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # over the limit: the stream goes on behind it
            continue
        if not line:
            return
        yield line


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
