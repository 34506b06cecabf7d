"""How jobs end, or get another try. Pure."""

from __future__ import annotations

from lofi_broker import events as ev
from lofi_broker import notices
from lofi_broker.active import ActiveJobs
from lofi_broker.workers import Verdict
from lofi_common import api
from lofi_common.config import QueueConfig
from lofi_common.errors import MORE_MEMORY, ErrorInfo, ModelInferenceFailed
from lofi_common.jobs import Job, JobState

FORGET_EVERY = 100
"""Ends from one `Forget` to the next."""


class Endings:
    """Takes jobs out of `active`, or puts them back into the queue; returns what must follow from it."""

    def __init__(self, active: ActiveJobs, queue: QueueConfig) -> None:
        self._active = active
        self._queue = queue
        self._ends = 0

    def end(self, job: Job, state: JobState, error: ErrorInfo) -> list[ev.Action]:
        """Failed or cancelled: saved, told, forgotten."""
        ended = job.moved(state, error=error)
        return self._settle(ev.Save(ended), notices.ended(ended, error))

    def complete(self, job: Job, track: api.Track, output_errors: dict[str, str] | None) -> list[ev.Action]:
        """Its file lies in the library."""
        ended = job.moved(JobState.COMPLETE, error=None)
        return self._settle(ev.Save(ended, track), notices.completed(track, output_errors))

    def blame(self, job: Job, reason: str, verdict: Verdict) -> list[ev.Action]:
        """A worker died with this job: try once more, or end it with the reason."""
        if verdict is Verdict.FATAL:
            fatal = ModelInferenceFailed(reason, recovery=MORE_MEMORY)
            return self.end(job, JobState.FAILED, fatal.info())
        deaths = job.deaths + (verdict is Verdict.GUILTY)
        if deaths >= self._queue.max_attempts:
            error = ModelInferenceFailed(f"the worker died {deaths} times on this track: {reason}")
            return self.end(job, JobState.FAILED, error.info())
        if verdict is Verdict.SUSPECT:
            self._active.suspects.add(job.track_id)
        del self._active.running[job.track_id]
        again = job.moved(JobState.QUEUED, deaths=deaths)
        self._active.put(again)
        return [ev.Save(again)]

    def _settle(self, save: ev.Save, told: ev.Publish) -> list[ev.Action]:
        self._active.remove(save.job.track_id)
        self._ends += 1
        old = [ev.Forget(self._queue.keep_ended)] if self._ends % FORGET_EVERY == 0 else []
        return [save, told, *old]
