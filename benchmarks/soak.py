"""Many jobs through one broker: does it grow, and how long does a job wait for a worker that is free?

    python -m benchmarks.soak [--jobs 2000]

The broker runs with the scripted engine, on stdio as an editor's, with a ZeroMQ client beside it. The two
take turns in asking, and both hear everything. Of ten jobs one fails and one is cancelled while it runs.
Memory and descriptors are the broker's own, from the 200th job on. latency: from sending `generate` to
hearing of the first progress, which is a little more than to the worker's `Started`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import msgspec
import psutil

from lofi_client.connection import Connection
from lofi_client.launch import find_broker
from lofi_client.remote import Address
from lofi_common import PROTOCOL
from lofi_common.paths import find_paths

WARM = 200
KEPT_TRACKS = 100
ENDS = ("generation_complete", "generation_error")
_WAIT_SEC = 30.0


class Figures(msgspec.Struct, kw_only=True):
    complete: int = 0
    failed: int = 0
    cancelled: int = 0
    seconds: float = 0.0
    latency_ms: list[float] = []
    rss: list[int] = []
    """Bytes, every ten jobs after the warm ones."""
    descriptors: list[int] = []
    database_bytes: int = 0
    """With its log."""

    def p99_ms(self) -> float:
        return statistics.quantiles(self.latency_ms, n=100)[-1]

    def growth(self) -> int:
        """Bytes from the first look to the highest of the last quarter."""
        return max(self.rss[-len(self.rss) // 4 :]) - self.rss[0]


class Front(Protocol):
    def call(self, method: str, **params: object) -> dict[str, Any]: ...

    def event(self) -> tuple[str, dict[str, Any]]: ...


class Editor:
    """The broker's stdin and stdout."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            (self._answers if "id" in message else self._events).put(message)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        result: dict[str, Any] = self._answers.get(timeout=_WAIT_SEC)["result"]
        return result

    def event(self) -> tuple[str, dict[str, Any]]:
        message = self._events.get(timeout=_WAIT_SEC)
        return message["method"], message["params"]


class Shell:
    """A client over ZeroMQ."""

    def __init__(self, endpoint: str) -> None:
        self._connection = Connection(Address(endpoint))
        self.call("initialize", client="soak", protocol=PROTOCOL, events=True)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self._connection.request(method, params, _WAIT_SEC)

    def event(self) -> tuple[str, dict[str, Any]]:
        event = self._connection.event(_WAIT_SEC)
        assert event is not None, "no event came"
        return event.method, event.params

    def close(self) -> None:
        self._connection.close()


class Soak:
    def __init__(self, editor: Editor, shell: Shell, broker: psutil.Process) -> None:
        self._fronts: tuple[Front, Front] = (editor, shell)
        self._broker = broker
        self._tracks: list[str] = []
        self.figures = Figures()

    def run(self, jobs: int, warm: int) -> None:
        began = time.perf_counter()
        for number in range(jobs):
            asker, other = self._fronts if number % 2 else self._fronts[::-1]
            self._job(number, asker, other)
            if number >= warm and number % 10 == 0:
                self.figures.rss.append(self._broker.memory_info().rss)
                self.figures.descriptors.append(self._broker.num_fds())
        self.figures.seconds = time.perf_counter() - began

    def _job(self, number: int, asker: Front, other: Front) -> None:
        """The one after a cancelled one finds its worker busy; it is one of those that fail."""
        prompt = {9: "slow 60", 0: "fail@3"}.get(number % 10, "rain")
        began = time.perf_counter()
        track_id = asker.call("generate", prompt=prompt, duration_sec=5, seed=number)["track_id"]
        if prompt == "slow 60":
            self._hear(asker, track_id, ("generation_start",))
            asker.call("queue_cancel", track_id=track_id)
        elif prompt == "rain":
            self._hear(asker, track_id, ("generation_progress",))
            self.figures.latency_ms.append(1000 * (time.perf_counter() - began))
        ends = [self._hear(front, track_id, ENDS) for front in (asker, other)]
        code = ends[0][1].get("code")
        assert ends[0] == ends[1], ends
        if code is None:
            self.figures.complete += 1
            self._tracks.append(track_id)
            if len(self._tracks) > KEPT_TRACKS:
                asker.call("cache_delete", track_id=self._tracks.pop(0))
        elif code == "GENERATION_CANCELLED":
            self.figures.cancelled += 1
        else:
            self.figures.failed += 1

    def _hear(self, front: Front, track_id: str, methods: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        while True:
            method, params = front.event()
            if method in methods and params["track_id"] == track_id:
                return method, params


def soak(jobs: int, warm: int = WARM) -> Figures:
    """Run a broker of its own from its start to its end."""
    root = Path(tempfile.mkdtemp(prefix="lofi-"))
    environ = {"LOFI_HOME": str(root), "LOFI_WORKER_ENGINE": "fake"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "lofi_broker", "--stdio"],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        editor = Editor(process)
        editor.call("status")
        found = find_broker(find_paths(environ))
        assert found is not None
        shell = Shell(found.endpoint)
        run = Soak(editor, shell, psutil.Process(process.pid))
        run.run(jobs, warm)
        run.figures.database_bytes = sum(file.stat().st_size for file in root.rglob("queue.sqlite*"))
        shell.close()
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(root)
    return run.figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2000)
    figures = soak(parser.parse_args().jobs)
    ends = f"{figures.complete} complete, {figures.failed} failed, {figures.cancelled} cancelled"
    print(f"{ends} in {figures.seconds:.0f} s")
    print(f"machine     load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    first, grown = figures.rss[0] / 1e6, figures.growth() / 1e6
    print(f"memory      {first:.1f} MB, grown by {grown:.2f} MB (goal: under 5)")
    print(f"descriptors {figures.descriptors[0]} at first, at most {max(figures.descriptors)}")
    median = statistics.median(figures.latency_ms)
    print(f"latency     median {median:.1f} ms, p99 {figures.p99_ms():.1f} ms (goal: under 20)", end="")
    print(f", most {max(figures.latency_ms):.1f} ms")
    print(f"database    {figures.database_bytes / 1e6:.1f} MB with its log")


if __name__ == "__main__":
    main()
