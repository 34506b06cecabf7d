"""What tracks cost in core-hours and memory, for each model folder. Linux.

    python -m benchmarks.cost FOLDER… [--cores 0,1] [--slots 1 8] [--seconds 30] [--least 20] [--bytes]

On each of the cores runs one process, pinned to it, with one thread: the worker's loop with its engine, from
the text to the synced file and its hash, without broker and Ray. All begin together once they are warm, make
tracks in all their slots, and go on for at least so many seconds; so with several cores each figure holds
while the others are busy, too. Cores are what the system calls so: often two of them share one.

A line for each folder and number of slots: tracks per core-hour by the clock, and by the processor's time,
which is the one to trust while others are at work; their seconds of audio per second of the processor; the
seconds until a process is warm; of the largest process, the peak of resident memory and what of it no other
process shares at the end. --bytes makes eight tracks in each format besides, and prints their mean size.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from benchmarks.batch import PROMPTS
from benchmarks.task import peak_mb, since_start
from lofi_common.cores import HUGE_PAGES
from lofi_common.jobs import AudioFormat
from lofi_common.manifest import Model, read_model
from lofi_common.messages import BrokerMessage, Done, Failed, Run, Shutdown, WorkerMessage
from lofi_worker.agent import Agent
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings

WARM_UP_SEC = 5
"""Seconds of the track before the clock starts."""
BYTES_OF = 8
"""Tracks whose mean size is told."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does."""

    folder: str
    core: int
    slots: int
    seconds: int
    least: float
    kinds: list[AudioFormat]
    """One: for time and memory. More: BYTES_OF tracks of each, for their sizes."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measured. clock, processor: seconds that all tracks took."""

    tracks: int
    clock: float
    processor: float
    warm: float
    peak_mb: float
    own_mb: float
    """What no other process shares, at the end, in 10⁶ bytes."""
    bytes: list[int]
    """Of each track's file."""


class Feed:
    """The agent's link: asks for the next track as one ends, in whole rounds over the slots."""

    def __init__(self, model: Model, seconds: int, kind: AudioFormat, slots: int) -> None:
        self.orders: queue.SimpleQueue[BrokerMessage] = queue.SimpleQueue()
        self.bytes: list[int] = []
        self._model, self._seconds, self._kind, self._slots = model, seconds, kind, slots
        self._asked = 0
        self._more: Callable[[int], bool] = lambda tracks: False

    def until(self, more: Callable[[int], bool]) -> None:
        """Fill the slots; `more` is asked before each further round, with the number of tracks so far."""
        self._more = more
        for _ in range(self._slots):
            self._ask()

    def send(self, message: WorkerMessage) -> None:
        if isinstance(message, Failed):
            raise RuntimeError(message.error.message)
        if not isinstance(message, Done):
            return
        Path(message.path).unlink()
        self.bytes.append(message.bytes)
        if self._asked % self._slots or self._more(self._asked):
            self._ask()
        elif len(self.bytes) == self._asked:
            self.orders.put(Shutdown(reason="measured"))

    def _ask(self) -> None:
        spec = self._model.job(PROMPTS[self._asked % len(PROMPTS)], self._seconds, seed=self._asked)
        spec = msgspec.structs.replace(spec, format=self._kind)
        self._asked += 1
        self.orders.put(Run(job_id=f"track{self._asked}", attempt=1, spec=spec))


def work(task: Work) -> Found:
    """Runs in a process of its own; waits for a line on stdin between warming up and measuring."""
    os.sched_setaffinity(0, {task.core})
    model = read_model(Path(task.folder))
    engine = load_engine(model, task.slots, RunSettings(threads=1, device="cpu"))
    with tempfile.TemporaryDirectory(prefix="lofi-") as spool:

        def make(seconds: int, kind: AudioFormat, more: Callable[[int], bool]) -> list[int]:
            feed = Feed(model, seconds, kind, task.slots)
            feed.until(more)
            Agent(engine, feed, Path(spool)).run()
            return feed.bytes

        make(WARM_UP_SEC, task.kinds[0], lambda tracks: False)
        warm = since_start()
        print("warm", flush=True)
        sys.stdin.readline()
        sizes: list[int] = []
        clock, processor = time.perf_counter(), time.process_time()
        for kind in task.kinds:
            if len(task.kinds) > 1:
                sizes += make(task.seconds, kind, lambda tracks: tracks < BYTES_OF)
            else:
                sizes += make(task.seconds, kind, lambda tracks: time.perf_counter() < clock + task.least)
        return Found(
            tracks=len(sizes),
            clock=time.perf_counter() - clock,
            processor=time.process_time() - processor,
            warm=warm,
            peak_mb=peak_mb(),
            own_mb=own_mb(),
            bytes=sizes,
        )


def own_mb() -> float:
    """Memory of this process that no other one shares, in 10⁶ bytes: not the pages of mapped weights."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"Private_(?:Clean|Dirty):\s*(\d+) kB", rollup)) * 1024 / 1e6


def run(tasks: list[Work]) -> list[Found]:
    """All at once. Raises SystemExit when one fails: its words are on stderr."""
    environ = {**HUGE_PAGES, **os.environ, "OPENBLAS_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cost", "--work", msgspec.json.encode(task).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        for task in tasks
    ]
    try:
        pipes = [_pipes(process) for process in processes]
        for _, out in pipes:
            if not out.readline():
                sys.exit("a process ended before it was warm")
        for into, _ in pipes:
            into.write("\n")
            into.flush()
        lines = [out.readline() for _, out in pipes]
        if not all(lines):
            sys.exit("a process ended before it had measured")
        return [msgspec.json.decode(line, type=Found) for line in lines]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


def line(model: Model, slots: int, seconds: int, found: list[Found]) -> str:
    """The row of the table for these processes, which ran at once."""
    by_clock = 3600 * statistics.mean(each.tracks / each.clock for each in found)
    tracks = sum(each.tracks for each in found)
    processor = sum(each.processor for each in found)
    precision = model.manifest.precision or "-"
    return (
        f"{model.manifest.name:16} {precision:9} {len(found):5} {slots:5} {tracks:6} {by_clock:13.1f}"
        f" {3600 * tracks / processor:13.1f} {seconds * tracks / processor:11.2f}"
        f" {max(each.warm for each in found):6.1f} {max(each.peak_mb for each in found):7.0f}"
        f" {max(each.own_mb for each in found):7.0f} {os.getloadavg()[0]:5.1f}"
    )


HEADER = (
    f"{'model':16} {'precision':9} {'cores':>5} {'slots':>5} {'tracks':>6} {'a core-hour':>13}"
    f" {'by processor':>13} {'x real time':>11} {'warm s':>6} {'peak MB':>7} {'own MB':>7} {'load':>5}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="What tracks cost in core-hours and memory.")
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    first = str(min(os.sched_getaffinity(0)))
    parser.add_argument("--cores", default=first, help="a process on each of them, such as 0,1")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 8], help="tracks side by side")
    parser.add_argument("--seconds", type=int, default=30, help="length of each track")
    parser.add_argument("--least", type=float, default=20.0, help="seconds that a process goes on at least")
    parser.add_argument("--bytes", action="store_true", help="tell the size of a track in each format")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work is not None:
        print(msgspec.json.encode(work(msgspec.json.decode(arguments.work, type=Work))).decode(), flush=True)
        return
    cores = [int(core) for core in arguments.cores.split(",")]
    print(HEADER)
    for folder in arguments.folders:
        model = read_model(folder)

        def task(core: int, slots: int, kinds: list[AudioFormat], folder: Path = folder) -> Work:
            return Work(
                folder=str(folder),
                core=core,
                slots=slots,
                seconds=arguments.seconds,
                least=arguments.least,
                kinds=kinds,
            )

        for slots in arguments.slots:
            found = run([task(core, slots, [AudioFormat.WAV]) for core in cores])
            print(line(model, slots, arguments.seconds, found), flush=True)
        weights = sum(file.bytes for file in model.manifest.files.values())
        print(f"    {model.version}: {weights / 1e6:.1f} MB of files", flush=True)
        if arguments.bytes:
            (found_one,) = run([task(cores[0], BYTES_OF, list(AudioFormat))])
            for number, kind in enumerate(AudioFormat):
                sizes = found_one.bytes[BYTES_OF * number : BYTES_OF * (number + 1)]
                print(
                    f"    {kind:4} {statistics.mean(sizes):11.0f} bytes of {arguments.seconds} s", flush=True
                )


if __name__ == "__main__":
    main()
