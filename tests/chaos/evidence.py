"""All that a chaos run leaves behind, read once: the database, the folders, the journals, the processes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec

from lofi_common.api import Track
from lofi_common.jobs import JobState, Output
from tests.chaos.journal import Entry

WHOLE = "whole"
"""In place of the sha256 of metadata, which tell times: all of it is there."""


class JobRow(NamedTuple):
    state: JobState
    attempt: int
    prompt: str
    outputs: list[Output]
    error: str | None


class File(NamedTuple):
    sha256: str
    bytes: int


class JobEvent(NamedTuple):
    at: float
    state: JobState
    attempt: int
    deaths: int


@dataclass
class Evidence:
    """What the checker looks at."""

    entries: list[Entry]
    """What all clients asked and were answered."""
    expected: Mapping[str, str]
    """sha256 of each track's file, from a run that nobody disturbed."""
    full: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the disk was full, in seconds since 1970."""
    glimpses: set[tuple[Path, str]] = field(default_factory=set)
    """Each content, by its sha256, that a file under its final name had when some broker had just died."""
    sound: str = "ok"
    """What SQLite says of the database."""
    jobs: dict[str, JobRow] = field(default_factory=dict)
    events: dict[str, list[JobEvent]] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    library: dict[str, File] = field(default_factory=dict)
    """By the name of the file."""
    outputs: dict[str, File] = field(default_factory=dict)
    """The copies that clients asked for, by their paths."""
    spool: list[str] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)
    """Those that live though the broker has left."""

    def was_full(self, first: float, last: float) -> bool:
        """Whether the disk was full at some moment between two times."""
        return any(since <= last and first <= until for since, until in self.full)


def collect(
    evidence: Evidence, *, database: Path, library: Path, spool: Path, outputs: Path, processes: list[int]
) -> Evidence:
    """Read what lies on disk into `evidence`, for a home whose broker has left."""
    _read_database(evidence, database)
    evidence.library = {path.name: _read(path) for path in library.iterdir()}
    # A copy that was cut off stays under a name of its own, hidden, and beside the one that was asked for.
    named = [path for path in outputs.iterdir() if not path.name.startswith(".")]
    evidence.outputs = {str(path): _read(path) for path in named}
    evidence.spool = sorted(path.name for path in spool.iterdir())
    evidence.processes = processes
    return evidence


class Glimpses:
    """Looks at all files under final names, whenever it is told to."""

    def __init__(self, library: Path, outputs: Path) -> None:
        self._folders = (library, outputs)
        self._known: dict[Path, tuple[int, int, int]] = {}
        self.seen: set[tuple[Path, str]] = set()

    def look(self) -> None:
        """Note what the files hold that have changed since."""
        for path in (path for folder in self._folders if folder.is_dir() for path in folder.iterdir()):
            status = path.stat()
            signature = (status.st_ino, status.st_size, status.st_mtime_ns)
            if not path.name.startswith(".") and self._known.get(path) != signature:
                self._known[path] = signature
                self.seen.add((path, _read(path).sha256 if path.suffix != ".json" else _whole(path)))


def _whole(metadata: Path) -> str:
    """`whole`, or what is wrong with a track's metadata."""
    try:
        msgspec.json.decode(metadata.read_bytes(), type=Track)
    except msgspec.DecodeError as error:
        return str(error)
    return WHOLE


def _read_database(evidence: Evidence, path: Path) -> None:
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    evidence.sound = db.execute("PRAGMA integrity_check").fetchone()[0]
    for row in db.execute("SELECT * FROM jobs"):
        error = msgspec.json.decode(row["error"])["name"] if row["error"] else None
        evidence.jobs[row["track_id"]] = JobRow(
            JobState(row["state"]),
            row["attempt"],
            msgspec.json.decode(row["spec"])["prompt"],
            msgspec.json.decode(row["outputs"], type=list[Output]),
            error,
        )
    events = defaultdict(list)
    for row in db.execute("SELECT * FROM job_events ORDER BY seq"):
        events[row["track_id"]].append(
            JobEvent(row["at"], JobState(row["state"]), row["attempt"], row["deaths"])
        )
    evidence.events = dict(events)
    for row in db.execute("SELECT track_id, track FROM tracks"):
        evidence.tracks[row["track_id"]] = msgspec.json.decode(row["track"], type=Track)
    db.close()


def _read(path: Path) -> File:
    data = path.read_bytes()
    return File(hashlib.sha256(data).hexdigest(), len(data))
