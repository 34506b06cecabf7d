"""Histories of the queue: what can happen to it happens, in any order; `world.py` says what must hold."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lofi_broker import events as ev
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.errors import InvalidTrackId, ModelInferenceFailed, ModelLoadFailed, QueueFull
from lofi_common.jobs import Job, Output, Priority
from tests.fuzz.disk import Disk
from tests.fuzz.world import Process, World
from tests.unit.scheduling import job

BROKEN = ModelLoadFailed("broken").info()
FAILED = ModelInferenceFailed("failed").info()
TRACKS = [f"track{number}" for number in range(7)]
VERSIONS = ("m-1", "m-2")

numbers = st.integers(0, 11)
"""Which one of those that there are."""


def of_processes(wanted: Callable[[Process], object]) -> Callable[[Histories], bool]:
    return lambda self: any(wanted(process) for process in self.world.processes.values())


class Histories(RuleBasedStateMachine):
    """Over the scheduler alone: the disk is a dictionary."""

    world: World

    @initialize(
        count=st.integers(1, 3), slots=st.integers(1, 2), most=st.integers(1, 5), durable=st.booleans()
    )
    def start(self, count: int, slots: int, most: int, durable: bool) -> None:
        queue = QueueConfig(max_pending=most, durable=durable, keep_ended=2)
        self.world = World(queue, WorkerConfig(count=count, slots=slots), self.disk())

    def disk(self) -> Disk:
        return Disk()

    def pick(self, number: int, wanted: Callable[[Process], object]) -> Process:
        found = [process for process in self.world.processes.values() if wanted(process)]
        return found[number % len(found)]

    # clients

    def new(self, number: int, high: bool) -> Job:
        """A track is always of the same model."""
        name, self.world.order = TRACKS[number % len(TRACKS)], self.world.order + 1
        made = job(
            name,
            self.world.order,
            priority=Priority.HIGH if high else Priority.NORMAL,
            attempt=self.world.disk.last_attempt(name),
            outputs=(Output(path=f"/{number}.wav"),),
        )
        version = VERSIONS[number % len(TRACKS) >= 4]
        return msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, model_version=version))

    @rule(wanted=st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=4))
    def submit(self, wanted: list[tuple[int, bool]]) -> None:
        for number, high in wanted:
            with contextlib.suppress(QueueFull):
                self.world.submit(self.new(number, high))

    @precondition(lambda self: self.world.scheduler.active.running)
    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        running = sorted(self.world.scheduler.active.running)
        name = running[number % len(running)] if number < 5 else TRACKS[number % len(TRACKS)]
        known = self.world.scheduler.active.get(name)
        try:
            self.world.tell(ev.CancelAsked(name))
        except InvalidTrackId:
            assert known is None

    @rule(slots=st.integers(1, 3))
    def ask_for_slots(self, slots: int) -> None:
        self.world.tell(ev.SlotsAsked(slots))

    # workers

    @precondition(lambda self: len(self.world.scheduler.active))
    @rule()
    def all_goes_well(self) -> None:
        self.world.go_on()

    @precondition(lambda self: self.world.processes and len(self.world.scheduler.active))
    @rule(steps=st.integers(1, 4))
    def all_goes_well_for_a_while(self, steps: int) -> None:
        for _ in range(steps):
            if len(self.world.scheduler.active):
                self.world.go_on()

    @precondition(of_processes(lambda process: not process.seen))
    @rule(number=numbers)
    def start_is_reported(self, number: int) -> None:
        self.world.report_start(self.pick(number, lambda process: not process.seen))

    @precondition(of_processes(lambda process: process.loaded is None))
    @rule(number=numbers, luck=st.sampled_from(["good", "good", "good", "refused", "replaced"]))
    def load(self, number: int, luck: str) -> None:
        process = self.pick(number, lambda process: process.loaded is None)
        if luck == "refused":
            self.world.tell(ev.WorkerLoadFailed(process.name, BROKEN))
            if self.world.processes.get(process.name) is process:
                self.world.exit(process)
        else:
            other = VERSIONS[process.version == VERSIONS[0]]
            self.world.load(process, process.version if luck == "good" else other)

    @precondition(of_processes(lambda process: True))
    @rule(number=numbers)
    def exit(self, number: int) -> None:
        self.world.exit(self.pick(number, lambda process: True))

    @precondition(of_processes(lambda process: process.loaded))
    @rule(number=numbers, megabytes=st.sampled_from([100, 100, 100, 100, 700, 2000]))
    def heartbeat(self, number: int, megabytes: int) -> None:
        process = self.pick(number, lambda process: process.loaded)
        self.world.tell(ev.WorkerSeen(process.name, megabytes * 1_000_000))

    @precondition(of_processes(lambda process: process.attempts))
    @rule(number=numbers, which=numbers, what=st.sampled_from(["done", "done", "failed", "moved"]))
    def work(self, number: int, which: int, what: str) -> None:
        process = self.pick(number, lambda process: process.attempts)
        attempts = sorted(process.attempts)
        attempt = attempts[which % len(attempts)]
        if what == "done":
            self.world.finish(process, attempt)
        elif what == "failed":
            self.world.fail(process, attempt, FAILED)
        else:
            self.world.tell(ev.JobProgressed(process.name, *attempt, done=which, total=10))

    @precondition(lambda self: self.world.adopting)
    @rule(number=numbers, written=st.sampled_from([True, True, False]))
    def adopt(self, number: int, written: bool) -> None:
        under_way = sorted(self.world.adopting)
        self.world.adopt(under_way[number % len(under_way)], None if written else FAILED)

    # the rest of the world

    @rule(seconds=st.sampled_from([0.1, 0.1, 1.0, None, 3.0, 20.0, 400.0]))
    def time_passes(self, seconds: float | None) -> None:
        due = self.world.scheduler.next_deadline() or 0.0
        self.world.now = self.world.now + seconds if seconds is not None else max(self.world.now, due)
        self.world.tell(ev.Tick())

    @precondition(lambda self: self.world.scheduler.next_deadline() is not None)
    @rule(what=st.sampled_from(["clear", "unsaved", "forget", "kill", "kill soon"]), number=numbers)
    def rarely(self, what: str, number: int) -> None:
        match what:
            case "clear":
                self.world.tell(ev.ClearAsked())
            case "unsaved":
                with contextlib.suppress(QueueFull):
                    self.world.submit_unsaved(self.new(number, high=False))
            case "forget":
                self.world.disk.forget(1 + number % 3)
            case "kill":
                self.world.restart()
            case "kill soon":
                self.world.cut_after = number % 5

    @invariant()
    def all_is_well(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            try:
                self.world.drain()
            finally:
                self.world.disk.close()


class StoredHistories(Histories):
    """The same with a real database beside the dictionary; after each crash both must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lofi-"))

    def disk(self) -> Disk:
        return Disk(self.folder)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.folder)
