"""What the queue's database has to hold, in the simplest form that can be right."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from lofi_broker.store import Store
from lofi_common.jobs import ALLOWED, Job, JobState


class Disk:
    """Rows by track id. With `folder`, a real database is held beside it and compared."""

    def __init__(self, folder: Path | None = None) -> None:
        self.rows: dict[str, Job] = {}
        """The one that was written last comes last."""
        self.accepted: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._forgotten_attempt = 0
        self._folder = folder
        self._copies = 0
        self.store = Store(self._path()) if folder is not None else None

    def save(self, job: Job) -> None:
        """Fails for an arrow that does not exist, so also for a second end."""
        before = self.rows.pop(job.track_id, None)
        if before is None or before.state.ended:
            assert job.state is JobState.QUEUED, (before, job)
            assert job.attempt >= (before.attempt if before else self._forgotten_attempt), (before, job)
            self.accepted[job.track_id] += 1
        else:
            assert job.state is before.state or job.state in ALLOWED[before.state], (before, job)
            risen = job.attempt - before.attempt
            assert risen == (job.state is JobState.GENERATING is not before.state), (before, job)
            self.ended[job.track_id] += job.state.ended
        self.rows[job.track_id] = job
        if self.store is not None:
            self.store.save(job, 0.0)

    def forget(self, keep: int) -> None:
        over = [job for job in self.rows.values() if job.state.ended]
        for job in over[: max(0, len(over) - keep)]:
            del self.rows[job.track_id]
            self._forgotten_attempt = max(self._forgotten_attempt, job.attempt)
        if self.store is not None:
            self.store.forget(keep)

    def last_attempt(self, track_id: str) -> int:
        row = self.rows.get(track_id)
        found = row.attempt if row is not None else self._forgotten_attempt
        if self.store is not None:
            assert self.store.last_attempt(track_id) == found
        return found

    def active(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        return sorted((job for job in self.rows.values() if not job.state.ended), key=lambda job: job.order)

    def crash(self) -> None:
        """Go on with the files as they are at this moment; nothing is closed or flushed before."""
        if self.store is None or self._folder is None:
            return
        old, self._copies = self._path(), self._copies + 1
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{old}{suffix}", f"{self._path()}{suffix}")
        self.store.close()
        self.store = Store(self._path())
        self.compare()

    def compare(self) -> None:
        """The database holds these rows, no others, and for each its last event."""
        if self.store is None:
            return
        assert self.store.active_jobs() == self.active()
        for track_id in self.accepted:
            row = self.rows.get(track_id)
            assert self.store.job(track_id) == row
            events = self.store.events(track_id)
            assert events[-1:] == ([(row.state, row.attempt)] if row is not None else [])

    def close(self) -> None:
        if self.store is not None:
            self.store.close()

    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder / f"queue{self._copies}.sqlite"
