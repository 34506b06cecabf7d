"""The jobs that have not ended, in the order in which they run. Pure."""

from __future__ import annotations

from lofi_broker.workers import Running
from lofi_common.jobs import Job, JobState, Priority


class ActiveJobs:
    """Queued and generating jobs by track id."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.running: dict[str, Running] = {}
        """What is known of each generating job."""
        self.suspects: set[str] = set()
        """Tracks whose worker died beside others: each is tried alone."""

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, track_id: str) -> Job:
        return self._jobs[track_id]

    def get(self, track_id: str) -> Job | None:
        return self._jobs.get(track_id)

    def put(self, job: Job) -> Job:
        """The job in its new state, or a new one."""
        self._jobs[job.track_id] = job
        return job

    def remove(self, track_id: str) -> None:
        """Forget a job, whether it is there or not."""
        self._jobs.pop(track_id, None)
        self.running.pop(track_id, None)
        self.suspects.discard(track_id)

    def pending(self) -> list[Job]:
        """Queued jobs in the order in which they will run."""
        queued = (job for job in self._jobs.values() if job.state is JobState.QUEUED)
        return sorted(queued, key=lambda job: (job.priority is not Priority.HIGH, job.order))

    def position(self, track_id: str) -> int | None:
        ids = [job.track_id for job in self.pending()]
        return ids.index(track_id) if track_id in ids else None

    def current(self) -> list[tuple[Job, int]]:
        """Generating jobs with their percent, oldest first."""
        running = sorted(self.running.items(), key=lambda item: item[1].started_at)
        return [(self._jobs[track_id], state.percent) for track_id, state in running]

    def versions(self) -> frozenset[str]:
        """The models that they need."""
        return frozenset(job.spec.model_version for job in self._jobs.values())

    def ids(self) -> frozenset[str]:
        """Their tracks."""
        return frozenset(self._jobs)

    def bases(self) -> frozenset[str]:
        """The tracks that they continue."""
        return frozenset(job.spec.continue_from for job in self._jobs.values() if job.spec.continue_from)

    def adopting(self, track_id: str, number: int) -> bool:
        """True while the finished file of this attempt is on its way into the library."""
        job, running = self._jobs.get(track_id), self.running.get(track_id)
        return job is not None and job.attempt == number and running is not None and running.adopting

    def attempt(self, track_id: str, number: int) -> Job | None:
        """The job if this attempt is the one it waits for.

        None for late answers of older attempts, and for a job whose finished file is on its way.
        """
        job = self._jobs.get(track_id)
        if job is None or job.state is not JobState.GENERATING or job.attempt != number:
            return None
        return None if self.running[track_id].adopting else job
