"""Everything around the scheduler, simulated: disk, worker processes, spool and time.

Each action that the scheduler asks for is carried out, and must be possible at that moment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lofi_broker import events as ev
from lofi_broker.placing import Places, Step
from lofi_broker.scheduler import Scheduler
from lofi_broker.workers import Attempt
from lofi_common import api
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.jobs import Job, JobSpec, JobState
from lofi_common.messages import Done
from tests.fuzz.disk import Disk
from tests.unit.scheduling import done

RSS_LIMIT = 1_000_000_000
_PATIENCE = 300
"""Steps in which willing workers must have emptied any queue."""


class PowerCut(Exception):
    """The broker ended between two actions."""


@dataclass
class Process:
    """A worker process that was started and has not ended."""

    name: str
    generation: int
    version: str
    slots: int
    seen: bool = False
    """Its start was reported."""
    loaded: str | None = None
    killed: bool = False
    attempts: dict[Attempt, bool] = field(default_factory=dict)
    """What it works on, and whether it was told to stop that."""


class World:
    def __init__(self, queue: QueueConfig, worker: WorkerConfig, disk: Disk) -> None:
        self.now = 0.0
        self.disk = disk
        self.order = 0
        self.cut_after: int | None = None
        """Actions until the power fails."""
        self._queue, self._worker = queue, worker
        self._sent: set[Attempt] = set()
        self._told: Counter[str] = Counter()
        self._boot()

    def _boot(self) -> None:
        self.processes: dict[str, Process] = {}
        self.adopting: dict[str, tuple[Job, Done]] = {}
        self.spool: set[str] = set()
        self._generations: Counter[str] = Counter()
        self.scheduler = Scheduler(self._queue, self._worker, seed=1)
        self._carry_out(self.scheduler.restore(self.disk.active(), self.now))

    def restart(self) -> None:
        """`kill -9` of the broker, and the next one."""
        self.cut_after = None
        self.disk.crash()
        self._boot()

    # what happens to the scheduler

    def tell(self, event: ev.Event) -> None:
        try:
            self._carry_out(self.scheduler.handle(event, self.now))
        except PowerCut:
            self.restart()

    def submit(self, job: Job) -> None:
        """As the broker does it. Raises QueueFull."""
        try:
            self._carry_out(self.scheduler.handle(ev.Submitted(job), self.now))
        except PowerCut:
            self.restart()
            return
        self.tell(ev.Tick())

    def submit_unsaved(self, job: Job) -> None:
        """The disk refuses the row. Raises QueueFull."""
        before = self.scheduler.active.get(job.track_id)
        if self.scheduler.handle(ev.Submitted(job), self.now):
            self.tell(ev.NotSaved(job.track_id, before))
        self.tell(ev.Tick())

    def exit(self, process: Process) -> None:
        del self.processes[process.name]
        self.tell(ev.WorkerExited(process.name, "gone"))

    def report_start(self, process: Process) -> None:
        process.seen = True
        self.tell(ev.WorkerSpawned(process.name, 42, RSS_LIMIT))

    def load(self, process: Process, version: str) -> None:
        process.loaded = version
        self.tell(ev.WorkerSeen(process.name, 100_000_000))
        if self.processes.get(process.name) is process:  # no power cut in between
            self.tell(ev.WorkerReady(process.name, process.slots, "cpu", version, 0.1))

    def finish(self, process: Process, attempt: Attempt) -> None:
        del process.attempts[attempt]
        result = done(*attempt)
        self.spool.add(result.path)
        self.tell(ev.JobDone(process.name, result))

    def fail(self, process: Process, attempt: Attempt, error: ev.ErrorInfo) -> None:
        del process.attempts[attempt]
        self.tell(ev.JobFailed(process.name, *attempt, error))

    def adopt(self, track_id: str, error: ev.ErrorInfo | None = None) -> None:
        job, result = self.adopting.pop(track_id)
        self.spool.remove(result.path)
        track = None if error is not None else track_of(job)
        self.tell(ev.TrackAdopted(track_id, job.attempt, track, error))

    # what the scheduler wants

    def _carry_out(self, actions: list[ev.Action]) -> None:
        for action in actions:
            if self.cut_after is not None:
                if self.cut_after == 0:
                    raise PowerCut
                self.cut_after -= 1
            self._do(action)

    def _do(self, action: ev.Action) -> None:
        match action:
            case ev.Save(job, track):
                assert (job.state is JobState.COMPLETE) == (track is not None)
                self.disk.save(job)
            case ev.SendRun(worker, job):
                self._run(self.processes[worker], job)
            case ev.SendCancel(worker, track_id, number):
                attempts = self.processes[worker].attempts
                assert attempts[track_id, number] is False, "cancelled twice"
                attempts[track_id, number] = True
            case ev.Spawn(worker, generation, version, slots):
                assert slots == self.scheduler.slots
                assert worker not in self.processes, "started beside its predecessor"
                assert generation > self._generations[worker]
                self._generations[worker] = generation
                self.processes[worker] = Process(worker, generation, version, slots)
            case ev.Kill(worker):
                assert not self.processes[worker].killed, "killed twice"
                self.processes[worker].killed = True
            case ev.Adopt(job, result):
                assert job.track_id not in self.adopting and result.path in self.spool
                self.adopting[job.track_id] = job, result
            case ev.Discard(track_id, attempt):
                self.spool.remove(f"/spool/{track_id}.{attempt}.wav")
            case ev.Forget(keep):
                self.disk.forget(keep)
            case ev.Publish(method, params):
                self._hear(method, params)

    def _run(self, process: Process, job: Job) -> None:
        assert process.loaded == job.spec.model_version and not process.killed
        assert len(process.attempts) < process.slots, "more jobs than slots"
        assert process.slots == self.scheduler.slots, "a job on a worker that is to be replaced"
        assert self.disk.rows[job.track_id] == job and job.state is JobState.GENERATING, "sent before saved"
        for other in self.processes.values():
            twins = [key for key, stopped in other.attempts.items() if key[0] == job.track_id and not stopped]
            assert not twins, "a job on two workers"
        key = (job.track_id, job.attempt)
        assert key not in self._sent, "an attempt's number came twice"
        self._sent.add(key)
        process.attempts[key] = False

    def _hear(self, method: str, params: api.Result) -> None:
        if isinstance(params, api.GenerationComplete | api.GenerationError):
            self._told[params.track_id] += 1
            assert self._told[params.track_id] <= self.disk.ended[params.track_id], "told twice or too early"
            complete = self.disk.rows[params.track_id].state is JobState.COMPLETE
            assert complete == (method == "generation_complete")

    # what must hold at any moment

    def check(self) -> None:
        active = self.scheduler.active
        assert {job.track_id: job for job in self.disk.active()} == {
            job.track_id: active[job.track_id] for job in self.disk.active()
        } and len(active) == len(self.disk.active()), "the broker and its disk differ"
        held: Counter[Attempt] = Counter()
        for worker in self.scheduler.workers.values():
            process = self.processes.get(worker.name)
            assert 0 <= worker.credit <= (process.slots if process is not None else 0)
            assert worker.alive == (process is not None)
            assert worker.running == (set(process.attempts) if process is not None else set())
            held.update(worker.running)
        for job in self.disk.active():
            if job.state is JobState.GENERATING:
                here = held[job.track_id, job.attempt]
                assert here == (job.track_id not in self.adopting), "a job without a worker, or with two"
        waiting = active.pending()
        if waiting:
            workers = self.scheduler.workers.values()
            places = Places(workers, active.suspects, self.scheduler.slots, self.now)
            place = places.find(waiting[0])
            assert place is None or place.step is not Step.RUN, "a worker is free, and the next job waits"

    def drain(self) -> None:
        """With willing workers every job ends, exactly once, and nothing is left lying about."""
        self.cut_after = None
        for _ in range(_PATIENCE):
            if not len(self.scheduler.active) and not any(p.attempts for p in self.processes.values()):
                break
            self.go_on()
            self.check()
        assert not len(self.scheduler.active), "the queue is stuck"
        assert self.disk.accepted == +self.disk.ended and not self.spool
        self.disk.compare()

    def go_on(self) -> None:
        """The next thing that happens when all goes well."""
        if self.adopting:
            self.adopt(next(iter(self.adopting)))
            return
        for process in self.processes.values():
            if process.killed:
                return self.exit(process)
            if not process.seen:
                return self.report_start(process)
            if process.loaded is None:
                return self.load(process, process.version)
            if process.attempts:
                return self.finish(process, next(iter(process.attempts)))
        deadline = self.scheduler.next_deadline()
        assert deadline is not None, "jobs wait, and nothing will happen"
        assert not self.processes, "jobs wait beside a worker without work"
        self.now = max(self.now, deadline)
        self.tell(ev.Tick())


def track_of(job: Job) -> api.Track:
    spec = {name: getattr(job.spec, name) for name in JobSpec.__struct_fields__}
    return api.Track(
        track_id=job.track_id,
        status=JobState.COMPLETE,
        path=f"/tracks/{job.track_id}.wav",
        sha256="0" * 64,
        sample_rate=32_000,
        generation_time_sec=1.0,
        **spec,
    )
