"""A database that can't be read is set aside; a new one takes over what is known without it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from lofi_broker.leftovers import sweep_library
from lofi_broker.store import DamagedDatabase, Store, job_of
from lofi_common.api_library import AskedPrompt
from lofi_common.errors import LofiError
from lofi_common.jobs import Job
from lofi_common.logs import fields

log = logging.getLogger(__name__)

_FILES = ("", "-wal", "-shm")
"""Of one SQLite database."""


def open_store(database: Path, library: Path) -> tuple[Store, str | None]:
    """The queue's database, and what its user has to be told of it.

    In the place of a damaged one comes a new one with the library's index, made from the metadata that lies
    beside each track, and with the jobs and the prompts that can still be read. Nothing is deleted. Raises
    LofiError when it can't be opened.
    """
    try:
        return _checked(database), None
    except DamagedDatabase as error:
        return _replaced(database, library, str(error))


def _checked(database: Path) -> Store:
    store = Store(database)
    try:
        store.check()
    except LofiError:
        store.close()
        raise
    return store


def _replaced(database: Path, library: Path, damage: str) -> tuple[Store, str]:
    aside = _set_aside(database)
    store = Store(database)
    tracks = sweep_library(library, store)
    jobs = _save_jobs(store, aside)
    store.history.put(_prompts(aside))
    found = f"{tracks} tracks of the library and {jobs} jobs that had not ended"
    told = f"{damage}; it was set aside as {aside}. Found again: {found}"
    log.error(fields("database_damaged", kept=aside, tracks=tracks, jobs=jobs, reason=damage))
    return store, told


def _set_aside(database: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (database.with_name(f"{database.name}.damaged-{stamp}-{n}") for n in range(1, 1000))
    aside = next(name for name in names if not name.exists())
    for suffix in _FILES:
        part = Path(f"{database}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    return aside


def _save_jobs(store: Store, aside: Path) -> int:
    """Copy the jobs that had not ended, as far as they can be read; returns how many."""
    jobs = list(_jobs(aside))
    for job in jobs:
        store.save(job, time.time())
    return len(jobs)


def _jobs(aside: Path) -> Iterator[Job]:
    for row in _rows(aside, "SELECT * FROM jobs NOT INDEXED WHERE state IN ('queued', 'generating')"):
        try:
            yield job_of(row)
        except (msgspec.DecodeError, ValueError) as error:
            log.warning(fields("job_unreadable", reason=error))


def _prompts(aside: Path) -> Iterator[AskedPrompt]:
    for row in _rows(aside, "SELECT prompt, asked, asked_at FROM prompts NOT INDEXED"):
        try:
            yield msgspec.convert(dict(row), AskedPrompt)
        except msgspec.ValidationError as error:
            log.warning(fields("prompt_unreadable", reason=error))


def _rows(aside: Path, query: str) -> Iterator[sqlite3.Row]:
    """As many as can be read. In the queries no index is used: it may be what is damaged."""
    try:
        with closing(sqlite3.connect(f"{aside.as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            yield from db.execute(query)
    except sqlite3.Error as error:
        log.warning(fields("rows_unreadable", query=query, reason=error))
