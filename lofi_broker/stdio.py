"""The JSON-RPC front end on stdin and stdout: one message a line, end of file means goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import select
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

from lofi_broker import jsonrpc
from lofi_common.errors import BrokerUnavailable, ErrorInfo, InternalError, LofiError
from lofi_common.logs import fields

log = logging.getLogger(__name__)

Backend = Callable[[str, dict[str, object]], Awaitable[dict[str, object]]]

_CHUNK = 1 << 16
_MAX_WAITING_CHUNKS = 64
_MAX_WAITING_BYTES = 4 << 20
_MAX_UNDER_WAY = 64
"""Lines that wait for their answers; no more are taken until one is answered."""
_READER_SEC = 1.0
_GOODBYE_SEC = 0.5
"""After end of file: for answers that are awaited, while somebody is there to read them."""
_LOOK_SEC = 0.05
_ASK_AGAIN = "Ask again; with --drain, end of file waits for every answer."
_ENDINGS = ("generation_complete", "generation_error")


class StdioFront:
    """Reads and writes in threads of its own, so that a slow or silent editor never stops the broker."""

    def __init__(self, backend: Backend, read_fd: int, write_fd: int) -> None:
        self._backend = backend
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(_MAX_WAITING_CHUNKS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unfinished: set[str] = set()
        self._witnesses: list[set[str]] = []
        """For each request under way, the tracks that have ended since it was sent."""
        self._settled = asyncio.Event()
        self._queued = 0
        """Bytes, counted by the event loop alone, as those written are by the writer alone."""
        self._written = 0
        self._progress = threading.Event()
        self._lost = threading.Event()
        self._closing = threading.Event()
        self._leaving = False
        self._writer = threading.Thread(target=self._write, name="stdout", daemon=True)

    async def serve(self, *, drain: bool) -> None:
        """Serve until end of file, and a moment longer for what is under way; with `drain`, until that is
        answered and its tracks are made. `close` answers the rest."""
        threading.Thread(
            target=self._read, args=(asyncio.get_running_loop(),), name="stdin", daemon=True
        ).start()
        self._writer.start()
        splitter = jsonrpc.LineSplitter()
        while chunk := await self._chunks.get():
            self._room.release()
            for line in splitter.feed(chunk):
                self._take(line)
                await self._make_room()
        for line in splitter.feed(b"\n"):  # a last line without its newline
            self._take(line)
        await self._last_answers(None if drain else time.monotonic() + _GOODBYE_SEC)
        while drain and self._unfinished:
            self._settled.clear()
            await self._settled.wait()

    async def _last_answers(self, deadline: float | None) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks, timeout=None if deadline is None else _LOOK_SEC)
            if deadline is not None and (time.monotonic() > deadline or self._reader_is_gone()):
                return

    def _reader_is_gone(self) -> bool:
        watch = select.poll()
        watch.register(self._write_fd, 0)
        return bool(watch.poll(0))  # only errors and hang-ups are told

    async def _make_room(self) -> None:
        """Leave others a turn; then wait while too much is asked, or too little read, to take more."""
        await asyncio.sleep(0)
        if len(self._tasks) >= _MAX_UNDER_WAY:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._waiting_bytes() > _MAX_WAITING_BYTES:
            await asyncio.to_thread(self._wait_for_reader)

    def _waiting_bytes(self) -> int:
        return self._queued - self._written

    def leave(self) -> None:
        """What fails from now on fails because the broker leaves."""
        self._leaving = True

    async def close(self) -> None:
        """Answer that the broker left where there is no answer yet; write, as long as somebody reads it."""
        self._closing.set()
        self._progress.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_READER_SEC)
        self._lines.put(None)
        await asyncio.to_thread(self._finish_writing)

    def _finish_writing(self) -> None:
        written = -1
        while self._writer.is_alive() and written != self._written:
            written = self._written
            self._writer.join(_READER_SEC)

    def _wait_for_reader(self) -> None:
        while (
            self._waiting_bytes() > _MAX_WAITING_BYTES // 2
            and self._writer.is_alive()
            and not self._closing.is_set()
        ):
            self._progress.wait(_READER_SEC)
            self._progress.clear()

    def notify(self, method: str, params: dict[str, object]) -> None:
        track_id = str(params.get("track_id"))
        if method in _ENDINGS:
            for ended in self._witnesses:
                ended.add(track_id)
            self._unfinished.discard(track_id)
            self._settled.set()
        if self._waiting_bytes() < _MAX_WAITING_BYTES:  # a reader that stopped reading misses notifications
            self._put(jsonrpc.notification(method, params))

    def _put(self, message: object) -> None:
        """Queue one line; when nobody can read it any more there is no use in keeping it."""
        if not self._lost.is_set():
            line = jsonrpc.encode(message)
            self._queued += len(line)
            self._lines.put(line)

    def _take(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        calls: Sequence[jsonrpc.Call | jsonrpc.Bad] = [jsonrpc.too_long()]
        batch = False
        if line is not None:
            calls, batch = jsonrpc.parse(line)
        task = asyncio.create_task(self._answer(calls, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, calls: Sequence[jsonrpc.Call | jsonrpc.Bad], batch: bool) -> None:
        answers = []
        for call in calls:
            if (answer := await self._run(call)) is not None:
                answers.append(answer)
            if batch:
                await asyncio.sleep(0)
        if answers:
            self._put(answers if batch else answers[0])

    async def _run(self, call: jsonrpc.Call | jsonrpc.Bad) -> dict[str, object] | None:
        """The answer to one request; None for a notification, whatever came of it."""
        if isinstance(call, jsonrpc.Bad):
            return jsonrpc.error(call.id, call.error)
        answer = await self._call(call)
        return None if call.notification else answer

    async def _call(self, call: jsonrpc.Call) -> dict[str, object]:
        if self._closing.is_set():
            return jsonrpc.error(call.id, _left())
        ended: set[str] = set()  # through a relay a track's end may be heard before the answer to its request
        self._witnesses.append(ended)
        try:
            result = await self._backend(call.method, call.params)
        except LofiError as error:
            return jsonrpc.error(call.id, _left() if self._leaving else error.info())
        except asyncio.CancelledError:
            if self._closing.is_set():
                return jsonrpc.error(call.id, _left())
            raise
        except Exception as error:  # whatever a request does, it is answered
            log.exception(fields("request_failed", method=call.method))
            return jsonrpc.error(call.id, InternalError(f"{call.method} failed: {error}").info())
        finally:
            self._witnesses = [each for each in self._witnesses if each is not ended]
        if call.method == "generate" and result["status"] != "complete":
            track_id = str(result["track_id"])
            if track_id not in ended:
                self._unfinished.add(track_id)
        return jsonrpc.result(call.id, result)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: stdin may be a file or a terminal, which event loops can't wait for."""
        while True:
            self._room.acquire()
            try:
                chunk = os.read(self._read_fd, _CHUNK)
            except OSError as error:
                log.warning(fields("stdin_failed", reason=error))
                chunk = b""
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens any more
                loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
            if not chunk:
                return

    def _write(self) -> None:
        """In a thread: a reader that is slow or gone blocks or breaks nobody else."""
        while (line := self._lines.get()) is not None:
            rest = memoryview(line)
            try:
                while rest:
                    sent = os.write(self._write_fd, rest)
                    rest = rest[sent:]
                    self._written += sent
                    self._progress.set()
            except OSError as error:
                log.warning(fields("stdout_failed", reason=error))
                break
        self._lost.set()
        self._progress.set()


def _left() -> ErrorInfo:
    return BrokerUnavailable("the broker left before it answered", recovery=_ASK_AGAIN).info()
