"""One run of the benchmark: starts the processes, round by round, and keeps what they say."""

from __future__ import annotations

import datetime
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from benchmarks.candidates import Candidate, command_of
from benchmarks.figures import Plan, throughput
from benchmarks.goals import DEFAULT
from benchmarks.machine import measure_bandwidth
from benchmarks.prepare import Prepared, prepare
from benchmarks.processes import ROOT, ProcessFailed, S, answer_of, run_process
from benchmarks.product import Product
from benchmarks.task import PROMPT, Measurement, Span, Task, rounded

TIMEOUT_SEC = 900
SLOTS = (2, 4, 8)
"""Tracks side by side, measured on their own; one alone is a part of every candidate's measurement."""
PRODUCT = "the product"


class Bench:
    """What fails is told in `failed`, runs no more, and stops nothing else."""

    def __init__(self, work: Path, folder: Path, plan: Plan, threads: int, checkpoint: Path) -> None:
        config = msgspec.json.decode((checkpoint / "config.json").read_bytes())
        tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
        self._work = work
        self._task_file = work / "task.json"
        self._folder = folder
        self._plan = plan
        self._threads = threads
        self._checkpoint = checkpoint
        self._prompt_ids: list[int] = tokenizer.encode(PROMPT).ids
        self._special: int = config["decoder"]["vocab_size"]
        self.prepared: dict[str, Prepared] = {}
        self.measured: dict[str, list[Measurement]] = {}
        self.slots: dict[str, dict[int, list[float]]] = {}
        self.product: Product | None = None
        self.failed: dict[str, str] = {}

    def prepare(self, candidate: Candidate) -> None:
        """Makes what the candidate runs on."""
        say(f"prepare {candidate.name}")
        try:
            self.prepared[candidate.name] = prepare(candidate, self._work, self._checkpoint)
        except ProcessFailed as error:
            self._fail(candidate.name, "preparation", error)

    def measure(self, candidate: Candidate) -> None:
        """One round's measurement of the candidate."""
        plan = self._plan
        tracks = [plan.short, plan.long] if candidate.whole else [plan.short]
        window = None if candidate.whole else plan.end
        found = self._measure(candidate, candidate.name, tracks=tracks, window=window)
        if found is not None:
            self.measured.setdefault(candidate.name, []).append(found)
            if candidate.slots:
                self._keep_throughput(found)

    def measure_slots(self, candidate: Candidate, slots: int) -> None:
        """One round's measurement of the candidate with several tracks side by side."""
        name = f"{candidate.name}, {slots} slots"
        found = self._measure(candidate, name, window=self._plan.stretch, slots=slots)
        if found is not None:
            self._keep_throughput(found)

    def measure_product(self) -> None:
        """A long track of the default precision, where that was prepared."""
        if DEFAULT not in self.prepared or DEFAULT in self.failed:
            return
        say(PRODUCT)
        task = self._task(DEFAULT, tracks=[self._plan.long])
        command = [sys.executable, "-m", "benchmarks.product", str(self._task_file)]
        try:
            self.product = self._run(command, task, Product)
        except ProcessFailed as error:
            self._fail(PRODUCT, "measurement", error)

    def _measure(
        self,
        candidate: Candidate,
        name: str,
        *,
        tracks: Sequence[int] = (),
        window: Span | None,
        slots: int = 1,
    ) -> Measurement | None:
        """None when the candidate or this measurement of it failed, now or before."""
        if candidate.name not in self.prepared or {candidate.name, name} & self.failed.keys():
            return None
        say(name)
        task = self._task(candidate.name, tracks=tracks, window=window, slots=slots)
        try:
            found = rounded(self._run(command_of(candidate, self._task_file, self._work), task, Measurement))
        except ProcessFailed as error:
            self._fail(name, "measurement", error)
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "runs.jsonl").open("ab") as runs:
            runs.write(msgspec.json.encode(found) + b"\n")
        return found

    def _task(
        self, candidate: str, *, tracks: Sequence[int], window: Span | None = None, slots: int = 1
    ) -> Task:
        return Task(
            candidate=candidate,
            files=self.prepared[candidate].folder,
            threads=self._threads,
            prompt_ids=self._prompt_ids,
            special=self._special,
            tracks=list(tracks),
            window=window,
            slots=slots,
        )

    def _run(self, command: list[str], task: Task, kind: type[S]) -> S:
        """Runs one process with a task. Raises ProcessFailed."""
        self._task_file.write_bytes(msgspec.json.encode(task))
        environ = {"OMP_NUM_THREADS": str(self._threads)}
        printed = run_process(command, timeout_sec=TIMEOUT_SEC, environ=environ)
        return answer_of(printed, kind)

    def _keep_throughput(self, found: Measurement) -> None:
        by_slots = self.slots.setdefault(found.candidate, {})
        by_slots.setdefault(found.slots, []).append(throughput(found, self._plan))

    def _fail(self, name: str, what: str, error: ProcessFailed) -> None:
        """Pages are kept and shown: they don't name this machine's folders."""
        reason = str(error)
        for folder, shown in ((self._work, "WORK"), (self._checkpoint, "CHECKPOINT"), (ROOT, "lofi")):
            reason = reason.replace(str(folder), shown)
        self.failed[name] = f"{what}: {reason}"
        say(f"{name} failed: {error}\n{error.output}")


def run_rounds(bench: Bench, chosen: Sequence[Candidate], rounds: int, threads: int) -> dict[int, float]:
    """Measures everything; returns the memory's speed in GB/s by threads.

    Every other round goes backwards, so that nobody always follows the same neighbour.
    """
    reads: dict[int, list[float]] = {1: [], threads: []}
    turns = [(each, 1) for each in chosen]
    turns += [(each, slots) for slots in SLOTS for each in chosen if each.slots]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for count, speeds in reads.items():
            speeds.append(measure_bandwidth(count))
        for candidate, slots in turns if number % 2 == 0 else reversed(turns):
            if slots == 1:
                bench.measure(candidate)
            else:
                bench.measure_slots(candidate, slots)
    if sys.platform == "linux":  # elsewhere, a process can't be asked for the peak of another one
        bench.measure_product()
    return {count: statistics.median(speeds) for count, speeds in reads.items()}


def say(text: str) -> None:
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)
