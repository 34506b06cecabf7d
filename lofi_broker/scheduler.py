"""Decides what happens next. Events in, actions out; no sockets, files, clock or threads in here."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from lofi_broker import events as ev
from lofi_broker import notices
from lofi_broker.active import ActiveJobs
from lofi_broker.endings import Endings
from lofi_broker.placing import Places, Step
from lofi_broker.workers import RestartPolicy, Running, Worker, WorkerState
from lofi_common import api
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.errors import (
    MORE_MEMORY_TO_LOAD,
    ErrorInfo,
    GenerationCancelled,
    InvalidTrackId,
    ModelLoadFailed,
    ModelNotFound,
    QueueFull,
)
from lofi_common.jobs import IllegalTransition, Job, JobState

MAX_OUTPUTS = 100
"""Copies of one track."""


class Scheduler:
    """Owns all active jobs and the view of all workers.

    `handle` is the only way in. It raises QueueFull or InvalidTrackId for a request that can't be met, and
    IllegalTransition, with the job's history, for an event that can't happen in its state.
    """

    def __init__(self, queue: QueueConfig, worker: WorkerConfig, *, seed: int = 0) -> None:
        self._queue = queue
        self._limits = worker
        self.slots = worker.slots
        self.active = ActiveJobs()
        rng = random.Random(seed)
        names = [f"w{index}" for index in range(worker.count)]
        self.workers = {name: Worker(name, RestartPolicy(rng)) for name in names}
        self.device: str | None = None
        self._endings = Endings(self.active, queue)
        self._blocked = False
        """A queued job waits for a worker to become free."""
        self._handlers: dict[type, Callable[..., list[ev.Action]]] = {
            ev.Submitted: self._submit,
            ev.NotSaved: self._forget,
            ev.CancelAsked: self._cancel,
            ev.ClearAsked: self._clear,
            ev.SlotsAsked: self._slots_asked,
            ev.WorkerSeen: self._seen,
            ev.WorkerSpawned: self._spawned,
            ev.WorkerReady: self._ready,
            ev.WorkerLoadFailed: self._load_failed,
            ev.WorkerExited: self._exited,
            ev.JobStarted: self._started,
            ev.JobProgressed: self._progressed,
            ev.JobDone: self._done,
            ev.JobFailed: self._failed,
            ev.TrackAdopted: self._adopted,
            ev.Tick: self._tick,
        }

    def next_deadline(self) -> float | None:
        """When the next Tick is due at the latest; None while nothing can expire."""
        times = [due.time for worker in self.workers.values() for due in worker.deadlines(self._limits)]
        resting = (WorkerState.BACKOFF, WorkerState.DISABLED)
        if self._blocked:
            times += [worker.retry_at for worker in self.workers.values() if worker.state in resting]
        return min(times, default=None)

    def handle(self, event: ev.Event, now: float) -> list[ev.Action]:
        """Apply one event and return what must follow from it, in order."""
        return self._handlers[type(event)](event, now)

    def restore(self, jobs: Iterable[Job], now: float) -> list[ev.Action]:
        """Take over the active jobs that an earlier broker left; what was generating is queued again.

        A queue that is not durable cancels them instead.
        """
        actions: list[ev.Action] = [ev.Forget(self._queue.keep_ended)]
        gone = GenerationCancelled("the broker that had accepted it is gone, and queue.durable is false")
        for job in jobs:
            if not self._queue.durable:
                actions += self._endings.end(job, JobState.CANCELLED, gone.info())
                continue
            if job.state is JobState.GENERATING:
                job = job.moved(JobState.QUEUED)
                actions.append(ev.Save(job))
            self.active.put(job)
        return actions + self._dispatch(now)

    # clients

    def _submit(self, event: ev.Submitted, now: float) -> list[ev.Action]:
        new = event.job
        active = self.active.get(new.track_id)
        if active is not None:
            joined = active.joined(new)
            if len(joined.outputs) > MAX_OUTPUTS:
                raise QueueFull(f"{MAX_OUTPUTS} copies of this track are asked for, which is the limit")
            self.active.put(joined)
            return [ev.Save(joined)] if joined != active else []
        waiting = len(self.active.pending())
        if waiting >= self._queue.max_pending:
            raise QueueFull(f"{self._queue.max_pending} tracks are waiting already, which is the limit")
        self.active.put(new)
        return [ev.Save(new)]  # handed out at the next event, once it is on disk

    def _forget(self, event: ev.NotSaved, now: float) -> list[ev.Action]:
        if event.before is None:
            self.active.remove(event.track_id)
        else:
            self.active.put(event.before)
        return []

    def _cancel(self, event: ev.CancelAsked, now: float) -> list[ev.Action]:
        job = self.active.get(event.track_id)
        if job is None:
            raise InvalidTrackId(f"no job of track {event.track_id} is queued or running")
        running = self.active.running.get(job.track_id)
        if running is not None and running.adopting:
            return []  # its file is on its way into the library: complete has won
        actions = self._endings.end(
            job, JobState.CANCELLED, GenerationCancelled("cancelled by a client").info()
        )
        for worker in self.workers.values():
            if running is not None and (job.track_id, job.attempt) in worker.running:
                worker.cancelled_at[job.track_id, job.attempt] = now
                actions.append(ev.SendCancel(worker.name, job.track_id, job.attempt))
        return actions + self._dispatch(now)

    def _clear(self, event: ev.ClearAsked, now: float) -> list[ev.Action]:
        error = GenerationCancelled("the queue was cleared").info()
        return [
            action
            for job in self.active.pending()
            for action in self._endings.end(job, JobState.CANCELLED, error)
        ]

    def _slots_asked(self, event: ev.SlotsAsked, now: float) -> list[ev.Action]:
        self.slots = event.slots
        return self._dispatch(now)

    # workers

    def _seen(self, event: ev.WorkerSeen, now: float) -> list[ev.Action]:
        worker = self.workers[event.worker]
        worker.seen_at = now
        if event.rss is None or worker.killed_for is not None:
            return []
        if (reason := worker.weigh(event.rss)) is not None:
            return [_kill(worker, reason)]
        return _retire_outgrown(worker)

    def _spawned(self, event: ev.WorkerSpawned, now: float) -> list[ev.Action]:
        worker = self.workers[event.worker]
        worker.pid, worker.rss_limit = event.pid, event.rss_limit
        return []

    def _ready(self, event: ev.WorkerReady, now: float) -> list[ev.Action]:
        worker = self.workers[event.worker]
        if worker.going:  # its memory, told with this, was too much
            return []
        worker.state, worker.slots = WorkerState.READY, event.slots
        worker.seen_at = worker.moved_at = now
        worker.rss_loaded = worker.rss or 0
        worker.model_version, worker.device = event.model_version, event.device
        worker.policy.succeeded()
        self.device = event.device
        actions: list[ev.Action] = [notices.model(event.model_version, "ready", event.load_sec)]
        wanted = worker.wanted_version
        if wanted is not None and wanted != event.model_version:  # it was replaced in the meantime
            again = "Submit it again: the installed model makes it then."
            error = ModelNotFound(f"{wanted} is no longer installed", recovery=again)
            actions += self._end_waiting(wanted, error.info())
        return actions + self._dispatch(now)

    def _load_failed(self, event: ev.WorkerLoadFailed, now: float) -> list[ev.Action]:
        """The model itself is at fault: no restart helps, so the jobs that wait for it end here."""
        worker = self.workers[event.worker]
        worker.load_error = event.error.message
        assert worker.wanted_version is not None
        failed: list[ev.Action] = [notices.model(worker.wanted_version, "failed")]
        return failed + self._end_waiting(worker.wanted_version, event.error)

    def _end_waiting(self, version: str, error: ErrorInfo) -> list[ev.Action]:
        """The jobs that wait for a model which can't be had, unless some worker has it loaded."""
        if any(worker.alive and worker.model_version == version for worker in self.workers.values()):
            return []
        waiting = [job for job in self.active.pending() if job.spec.model_version == version]
        return [action for job in waiting for action in self._endings.end(job, JobState.FAILED, error)]

    def _exited(self, event: ev.WorkerExited, now: float) -> list[ev.Action]:
        worker = self.workers[event.worker]
        reason = worker.killed_for or worker.leaving or event.reason
        version = worker.model_version or worker.wanted_version
        state, actions = WorkerState.DOWN, list[ev.Action]()
        if worker.state is WorkerState.LOADING:
            if worker.out_of_memory:  # another process would take as much
                broken = ModelLoadFailed(f"{version} can't be loaded: {reason}", recovery=MORE_MEMORY_TO_LOAD)
                actions += self._load_failed(ev.WorkerLoadFailed(worker.name, broken.info()), now)
            reason = worker.load_error or f"died while loading: {reason}"
            state, rest = self._rest(worker, reason, now)
            actions += rest
        verdicts = {attempt: worker.verdict(attempt) for attempt in sorted(worker.running)}
        worker.bury(state, reason)
        if not worker.retired:
            worker.restarts += 1
            restart = api.WorkerRestart(worker=worker.name, reason=reason, attempt=worker.generation)
            actions.append(ev.Publish("worker_restart", restart))
        if version is not None:
            actions.append(notices.model(version, "unloaded"))
        for attempt, verdict in verdicts.items():
            if (job := self.active.attempt(*attempt)) is not None:
                actions += self._endings.blame(job, reason, verdict)
        return actions + self._dispatch(now)

    def _rest(self, worker: Worker, reason: str, now: float) -> tuple[WorkerState, list[ev.Action]]:
        """How long a worker that died while loading rests. When it died too often on one model while others
        are waited for, the jobs of that one end, so that the rest of the queue goes on."""
        wanted = worker.wanted_version
        assert wanted is not None
        waiting = {job.spec.model_version for job in self.active.pending()}
        if worker.load_error is not None and wanted not in waiting:
            return WorkerState.DOWN, []
        state, worker.retry_at = worker.policy.failed(now)
        if state is not WorkerState.DISABLED or not waiting - {wanted}:
            return state, []
        error = ModelLoadFailed(f"the worker died again and again on {wanted}: {reason}")
        return state, self._end_waiting(wanted, error.info())

    def _tick(self, event: ev.Tick, now: float) -> list[ev.Action]:
        actions: list[ev.Action] = []
        for worker in self.workers.values():
            due = [each for each in worker.deadlines(self._limits) if each.time <= now]
            if due:
                actions.append(_kill(worker, due[0].reason, misbehaves=due[0].misbehaves))
        return actions + self._dispatch(now)

    # jobs on workers

    def _started(self, event: ev.JobStarted, now: float) -> list[ev.Action]:
        worker, attempt = self.workers[event.worker], (event.track_id, event.attempt)
        worker.seen_at = now
        if attempt in worker.running:
            worker.begun.add(attempt)
        return []

    def _progressed(self, event: ev.JobProgressed, now: float) -> list[ev.Action]:
        worker, attempt = self.workers[event.worker], (event.track_id, event.attempt)
        worker.seen_at = now
        job = self.active.attempt(*attempt)
        if job is None or attempt not in worker.running:
            return []
        state = self.active.running[job.track_id]
        if state.moved(event.done, event.total, event.audio_sec):  # who only says so does not come further
            worker.moved_at = now
        return [notices.progressed(job, state, now)]

    def _done(self, event: ev.JobDone, now: float) -> list[ev.Action]:
        worker, done = self.workers[event.worker], event.done
        attempt = (done.job_id, done.attempt)
        if attempt not in worker.running:  # said twice, or of another worker's job
            held = any(attempt in each.running for each in self.workers.values())
            return [] if held or self.active.adopting(*attempt) else [ev.Discard(*attempt)]
        worker.release(attempt, now)
        retired = _retire_outgrown(worker)
        job = self.active.attempt(*attempt)
        if job is None:
            return [ev.Discard(*attempt), *retired, *self._dispatch(now)]
        self.active.running[job.track_id].adopting = True
        return [ev.Adopt(job, done), *retired, *self._dispatch(now)]

    def _failed(self, event: ev.JobFailed, now: float) -> list[ev.Action]:
        worker, attempt = self.workers[event.worker], (event.track_id, event.attempt)
        if attempt not in worker.running:
            return []
        if event.leaves:
            worker.leaving = event.error.message
            if worker.handed > 1:  # others used the process before: another one tries again after its end
                return []
        worker.release(attempt, now)
        job = self.active.attempt(*attempt)
        ended = self._endings.end(job, JobState.FAILED, event.error) if job is not None else []
        return [*ended, *_retire_outgrown(worker), *self._dispatch(now)]

    def _adopted(self, event: ev.TrackAdopted, now: float) -> list[ev.Action]:
        job = self.active.get(event.track_id)
        running = self.active.running.get(event.track_id)
        if job is None or running is None or not running.adopting:
            raise IllegalTransition(f"track_id={event.track_id} attempt={event.attempt}: adopted, not active")
        if event.track is None:
            assert event.error is not None
            return self._endings.end(job, JobState.FAILED, event.error)
        return self._endings.complete(job, event.track, event.output_errors)

    # shared steps

    def _dispatch(self, now: float) -> list[ev.Action]:
        """Hand queued jobs to workers with credit; start, or free, the workers that are missing."""
        actions: list[ev.Action] = []
        places = Places(self.workers.values(), self.active.suspects, self.slots, now)
        self._blocked = False
        for job in self.active.pending():
            place = places.find(job)
            if place is None:
                self._blocked = True
                break
            worker, version = place.worker, job.spec.model_version
            match place.step:
                case Step.RUN:
                    actions += self._start(worker, job, now)
                case Step.SPAWN:
                    worker.spawn(now, version, self.slots)
                    actions.append(ev.Spawn(worker.name, worker.generation, version, self.slots))
                    actions.append(notices.model(version, "loading"))
                case Step.REPLACE:
                    actions.append(_kill(worker, worker.room_for(version, self.slots), misbehaves=False))
        return actions

    def _start(self, worker: Worker, job: Job, now: float) -> list[ev.Action]:
        running = job.moved(JobState.GENERATING, attempt=job.attempt + 1)
        self.active.put(running)
        self.active.running[job.track_id] = Running(started_at=now)
        worker.take((job.track_id, running.attempt), now)
        return [ev.Save(running), ev.SendRun(worker.name, running), notices.started(running)]


def _kill(worker: Worker, reason: str, *, misbehaves: bool = True) -> ev.Action:
    worker.killed_for, worker.retired = reason, not misbehaves
    return ev.Kill(worker.name, reason, misbehaves)


def _retire_outgrown(worker: Worker) -> list[ev.Action]:
    """An idle process that has kept too much leaves before it gets another job."""
    reason = worker.outgrown()
    return [_kill(worker, reason, misbehaves=False)] if reason is not None else []
