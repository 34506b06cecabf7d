"""Which worker a waiting job gets, or what has to happen first. Pure.

Jobs are placed in the order of the queue, and none overtakes one that has to wait for a worker: however many
jobs of a loaded model come after it, a job of another model is reached. A model is therefore changed at most
once per job, and only by a worker that has nothing to do. The same holds for a worker that was started with
another number of slots than is wanted now.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Set
from typing import NamedTuple

from lofi_broker.workers import Worker, WorkerState
from lofi_common.jobs import Job


class Step(enum.Enum):
    RUN = "run"  # the worker has the model loaded and takes the job
    AWAIT = "await"  # the worker is on its way: loading the model, or leaving to make room
    SPAWN = "spawn"  # start the worker with the job's model
    REPLACE = "replace"  # the worker idles with another model, or other slots, and has to leave first


class Place(NamedTuple):
    step: Step
    worker: Worker


class Places:
    """The workers during one hand-out; each that is on its way is promised to one job only."""

    def __init__(self, workers: Iterable[Worker], suspects: Set[str], slots: int, now: float) -> None:
        """`suspects`: tracks that neither join others nor are joined. `slots`: what workers are to have."""
        self._workers = list(workers)
        self._suspects = suspects
        self._slots = slots
        self._now = now
        self._promised: set[str] = set()

    def find(self, job: Job) -> Place | None:
        """The job's place; None when it, and all behind it, has to wait for a worker to become free."""
        version = job.spec.model_version
        for worker in self._workers:
            if self._takes(worker, job):
                return Place(Step.RUN, worker)
        for worker in self._workers:
            if worker.name not in self._promised and self._coming(worker, version):
                return self._promise(Step.AWAIT, worker)
        for worker in self._workers:
            if self._startable(worker, version):
                return self._promise(Step.SPAWN, worker)
        for worker in self._workers:
            if worker.idle:  # with another model or other slots: it would have taken the job above
                return self._promise(Step.REPLACE, worker)
        return None

    def _promise(self, step: Step, worker: Worker) -> Place:
        self._promised.add(worker.name)
        return Place(step, worker)

    def _takes(self, worker: Worker, job: Job) -> bool:
        if worker.credit <= 0 or worker.model_version != job.spec.model_version:
            return False
        if worker.wanted_slots != self._slots:
            return False
        running = {track_id for track_id, _ in worker.running}
        return not running or (job.track_id not in self._suspects and not running & self._suspects)

    def _startable(self, worker: Worker, version: str) -> bool:
        """A worker rests from a model that it could not load with so many slots, not from others."""
        if worker.name in self._promised:
            return False
        resting = worker.state in (WorkerState.BACKOFF, WorkerState.DISABLED)
        another = (worker.wanted_version, worker.wanted_slots) != (version, self._slots)
        return worker.state is WorkerState.DOWN or (resting and (another or worker.retry_at <= self._now))

    def _coming(self, worker: Worker, version: str) -> bool:
        if worker.state is WorkerState.LOADING:
            return (worker.wanted_version, worker.wanted_slots) == (version, self._slots)
        return worker.state is WorkerState.READY and worker.going
