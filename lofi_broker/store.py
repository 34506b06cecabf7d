"""The queue and the library's index on disk: SQLite, WAL, synchronous=FULL, a row per event.

A `save` that returned is on disk. Jobs are updated; only `forget` deletes, and only what has ended long ago.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import msgspec

from lofi_broker.history import PromptHistory
from lofi_broker.index import TrackIndex
from lofi_broker.layout import bring_up_to_date
from lofi_common.api import Track
from lofi_common.errors import LofiError
from lofi_common.jobs import ALLOWED, IllegalTransition, Job, JobState

_ROOM_BYTES = 1 << 20
"""With less the disk counts as full."""
_MORE_ROOM = "Free some disk space and try again; what was accepted is kept."

_NO_SEARCH = re.compile(r"no such module: fts5|no such tokenizer|error in tokenizer constructor")

_COLUMNS = Job.__struct_fields__
_JSON_COLUMNS = ("spec", "outputs", "error")
_EVENTS_PER_JOB = 20
"""Far more than a job has; only one that is asked for and cancelled over and over comes there."""

# The arrow is checked by the database too: a save from a state that has no arrow here changes nothing.
_UPSERT = """
INSERT INTO jobs ({columns}) VALUES ({values})
ON CONFLICT (track_id) DO UPDATE SET {updates}
WHERE jobs.attempt <= excluded.attempt AND jobs.state IN ({states})
"""

_FORGOTTEN_AT_ONCE = 500
"""The event loop waits for it; what is left goes the next time."""

_PRUNED_AT_ONCE = 5_000

# The job that ended first has the oldest of all last events: it is near the start of a table of any length.
_OLDEST_ENDED = """
SELECT track_id FROM job_events WHERE
    NOT EXISTS (SELECT 1 FROM job_events AS later
                WHERE later.track_id = job_events.track_id AND later.seq > job_events.seq)
    AND EXISTS (SELECT 1 FROM jobs WHERE jobs.track_id = job_events.track_id
                AND jobs.state IN ('complete', 'failed', 'cancelled'))
ORDER BY seq LIMIT ?
"""
# The last event of each job stays: it tells when the job ended.
_PRUNE = """
DELETE FROM job_events WHERE seq IN (
    SELECT seq FROM job_events WHERE seq <= (SELECT max(seq) FROM job_events) - ?
    AND EXISTS (SELECT 1 FROM job_events AS later
                WHERE later.track_id = job_events.track_id AND later.seq > job_events.seq)
    ORDER BY seq LIMIT ?
)
"""
_REMEMBER_ATTEMPT = """
INSERT INTO forgotten (id, attempt) VALUES (1, ?)
ON CONFLICT (id) DO UPDATE SET attempt = max(attempt, excluded.attempt)
"""


class DamagedDatabase(LofiError):
    """The file can't be read as what it was written as: another attempt will not help."""


class Store:
    """One connection, used from one thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the database. Raises LofiError when it can't be written, DamagedDatabase."""
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            if self._db.execute("PRAGMA page_count").fetchone()[0] == 0:  # only a new file heeds it
                self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            bring_up_to_date(self._db)
        except sqlite3.Error as error:
            self._db.close()
            raise self._unusable(error) from error
        self._db.row_factory = sqlite3.Row
        self.index = TrackIndex(self._db)
        self.history = PromptHistory(self._db)
        found = path.stat()
        self._file = (found.st_dev, found.st_ino)

    def check(self) -> None:
        """Read all of it once. Raises DamagedDatabase when that can't be done, LofiError."""
        try:
            found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise DamagedDatabase(f"the queue's database {self._path} is damaged: {found}")
            self.active_jobs()
            self.index.every()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        except (msgspec.DecodeError, ValueError) as error:
            raise DamagedDatabase(f"the queue's database {self._path} is damaged: {error}") from error

    def _unusable(self, error: sqlite3.Error) -> LofiError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without its extension
        if _NO_SEARCH.search(str(error)):
            return LofiError(
                f"the SQLite {sqlite3.sqlite_version} of this Python has no full-text search: {error}",
                recovery="Use a Python whose SQLite is 3.34 or newer and has FTS5, as most have.",
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return DamagedDatabase(f"the queue's database {self._path} is damaged: {error}")
        return self.failed("opened", error)

    def failed(self, done: str, error: sqlite3.Error) -> LofiError:
        """What to tell of an error: the queue's database can't be `done`."""
        what = f"the queue's database {self._path} can't be {done}: {error}"
        try:
            full = shutil.disk_usage(self._path.parent).free < _ROOM_BYTES
        except OSError:  # its folder is gone, too
            full = False
        if full:
            return LofiError(f"{what} (no space left on its disk)", recovery=_MORE_ROOM)
        return LofiError(what)

    def there(self) -> bool:
        """Whether the file still has its name: what is written into one that was deleted is lost."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def close(self) -> None:
        self._db.close()

    def save(self, job: Job, at: float, track: Track | None = None) -> None:
        """Write the job's state, its event and, when given, its track, in one transaction.

        Raises IllegalTransition when the row on disk is in a state without an arrow to the new one, or of
        a later attempt; sqlite3.Error when it can't be written.
        """
        if not self.there():
            raise sqlite3.OperationalError("somebody has deleted or replaced its file")
        row = _to_row(job)
        sources = [state for state, targets in ALLOWED.items() if job.state in targets] + [job.state]
        statement = _UPSERT.format(
            columns=", ".join(f'"{name}"' for name in row),
            values=", ".join(f":{name}" for name in row),
            updates=", ".join(f'"{name}" = excluded."{name}"' for name in row if name != "track_id"),
            states=", ".join(f"'{state}'" for state in sources),
        )
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if self._db.execute(statement, row).rowcount != 1:
                raise IllegalTransition(
                    f"track_id={job.track_id} attempt={job.attempt}: the row on disk refuses {job.state}"
                )
            self._db.execute(
                "INSERT INTO job_events (track_id, at, state, attempt, deaths) VALUES (?, ?, ?, ?, ?)",
                (job.track_id, at, job.state, job.attempt, job.deaths),
            )
            if track is not None:
                self.index.put(track)

    def job(self, track_id: str) -> Job | None:
        row = self._db.execute("SELECT * FROM jobs WHERE track_id = ?", (track_id,)).fetchone()
        return job_of(row) if row else None

    def active_jobs(self) -> list[Job]:
        """Jobs that have not ended, oldest first."""
        rows = self._db.execute(
            """SELECT * FROM jobs WHERE state IN ('queued', 'generating') ORDER BY "order" """
        )
        return [job_of(row) for row in rows]

    def next_order(self) -> int:
        row = self._db.execute('SELECT coalesce(max("order"), 0) + 1 FROM jobs').fetchone()
        return int(row[0])

    def last_attempt(self, track_id: str) -> int:
        """The number of the track's last attempt, or one that is not below it if its job was forgotten."""
        job = self.job(track_id)
        if job is not None:
            return job.attempt
        row = self._db.execute("SELECT coalesce(max(attempt), 0) FROM forgotten").fetchone()
        return int(row[0])

    def forget(self, keep: int) -> None:
        """Delete ended jobs but for the `keep` that ended last, and old events, and give back the room.

        At most 500 jobs and 5,000 events more at once, the oldest first.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            ended = self._db.execute(
                "SELECT count(*) FROM jobs WHERE state IN ('complete', 'failed', 'cancelled')"
            ).fetchone()[0]
            many = min(max(0, ended - keep), _FORGOTTEN_AT_ONCE)
            ids = [tuple(row) for row in self._db.execute(_OLDEST_ENDED, (many,))] if many else []
            for name in ids:
                gone = self._db.execute("DELETE FROM jobs WHERE track_id = ? RETURNING attempt", name)
                self._db.execute(_REMEMBER_ATTEMPT, (gone.fetchone()["attempt"],))
                self._db.execute("DELETE FROM job_events WHERE track_id = ?", name)
            self._db.execute(_PRUNE, (keep * _EVENTS_PER_JOB, _PRUNED_AT_ONCE))
        self._db.executescript("PRAGMA incremental_vacuum")  # `execute` would stop after one page

    def events(self, track_id: str) -> list[tuple[JobState, int]]:
        """(state, attempt) of everything that happened to a job, in order."""
        rows = self._db.execute(
            "SELECT state, attempt FROM job_events WHERE track_id = ? ORDER BY seq", (track_id,)
        )
        return [(JobState(row["state"]), row["attempt"]) for row in rows]


def _to_row(job: Job) -> dict[str, object]:
    row = {name: getattr(job, name) for name in _COLUMNS}
    for name in _JSON_COLUMNS:
        row[name] = None if row[name] is None else msgspec.json.encode(row[name]).decode()
    return row


def job_of(row: sqlite3.Row) -> Job:
    """A row of `jobs`. Raises msgspec.DecodeError, ValueError when it is none of ours."""
    values = dict(row)
    for name in _JSON_COLUMNS:
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    return msgspec.convert({**values, "radio": bool(values.get("radio"))}, Job)
