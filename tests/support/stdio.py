"""A real `lofi-broker --stdio`, driven as an editor would."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

WAIT_SEC = 20.0
Message = dict[str, Any]


class Stdio:
    """Every message that arrives is kept in `seen`, in order; waiting never misses one."""

    def __init__(self, environ: Mapping[str, str], *flags: str, wrapper: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "lofi_broker", "--stdio", *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environ},
        )
        self.seen: list[Message] = []
        self.stderr = b""
        self._arrivals: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._next_id = 1000  # out of the way of ids that tests choose
        self._threads = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._arrivals.put(json.loads(line))
        self._arrivals.put(None)

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read()

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: object) -> None:
        self.send_raw(json.dumps(message).encode() + b"\n")

    def take(self) -> Message | list[Message]:
        """The next message, whatever it is. Fails at end of stream or after WAIT_SEC."""
        message = self._arrivals.get(timeout=WAIT_SEC)
        assert message is not None, f"the broker closed its stdout: {self.stderr.decode()}"
        self.seen.append(message)
        return message

    def answer(self, request_id: object) -> Message:
        for message in self.seen:
            if isinstance(message, dict) and "id" in message and message["id"] == request_id:
                return message
        while True:
            message = self.take()
            if isinstance(message, dict) and "id" in message and message["id"] == request_id:
                return message

    def request(self, method: str, params: object = None) -> Message:
        """Send one request and wait for the whole response."""
        self._next_id += 1
        request: Message = {"jsonrpc": "2.0", "id": self._next_id, "method": method}
        if params is not None:
            request["params"] = params
        self.send(request)
        return self.answer(self._next_id)

    def call(self, method: str, **params: object) -> Message:
        """A request that must succeed; its result."""
        response = self.request(method, params)
        assert "result" in response, response
        result: Message = response["result"]
        return result

    def error(self, method: str, **params: object) -> Message:
        """A request that must fail; its error."""
        response = self.request(method, params)
        assert "error" in response, response
        error: Message = response["error"]
        return error

    def notices(self, method: str, track_id: str | None = None) -> list[Message]:
        """Params of the notifications seen so far."""
        return [
            message["params"]
            for message in self.seen
            if isinstance(message, dict)
            and message.get("method") == method
            and (track_id is None or message["params"].get("track_id") == track_id)
        ]

    def wait(self, method: str, track_id: str | None = None, count: int = 1) -> Message:
        """Params of the `count`-th such notification, seen already or to come.

        Fails when a track whose completion is awaited ends in an error instead.
        """
        while len(self.notices(method, track_id)) < count:
            message = self.take()
            if method == "generation_complete" and isinstance(message, dict):
                failed = message.get("method") == "generation_error"
                assert not failed or message["params"]["track_id"] != track_id, message
        return self.notices(method, track_id)[count - 1]

    def close(self, timeout_sec: float = WAIT_SEC) -> int:
        """End of file on stdin; the exit code."""
        assert self.process.stdin is not None
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(timeout_sec)

    def drain(self) -> list[Message]:
        """Everything that was still written until the stream ended."""
        self._threads[0].join(WAIT_SEC)
        while (message := self._arrivals.get(timeout=WAIT_SEC)) is not None:
            self.seen.append(message)
        return self.seen

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(5.0)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(WAIT_SEC)
        assert self.process.stdout is not None and self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
