"""The queue on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lofi_broker.library import track_of
from lofi_broker.store import Store
from lofi_common.errors import ErrorInfo, LofiError
from lofi_common.jobs import IllegalTransition, JobState, Output, Priority
from tests.unit.scheduling import job


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "queue.sqlite")
    yield store
    store.close()


def test_a_job_comes_back_as_it_was(store: Store) -> None:
    before = job(
        "a",
        3,
        priority=Priority.HIGH,
        outputs=(Output(path="/x.wav"), Output(path="/y.wav", force=True)),
        submitted_at=1.5,
        attempt=2,
        deaths=1,
        error=ErrorInfo(code=1, name="N", message="m"),
    )
    store.save(before, 10.0)
    assert store.job("a") == before
    assert store.job("b") is None


def test_each_commit_is_on_disk_when_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def keep(*arguments: Any, **named: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", keep)
    store = Store(tmp_path / "queue.sqlite")
    (db,) = opened
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL: WAL's own default loses commits
    store.close()


def test_a_seed_of_64_bits_survives(store: Store) -> None:
    big = job("a")
    big = msgspec.structs.replace(big, spec=msgspec.structs.replace(big.spec, seed=2**64 - 1))
    store.save(big, 0)
    assert store.job("a") == big


def test_each_state_change_is_an_event(store: Store) -> None:
    queued = job("a")
    running = queued.moved(JobState.GENERATING, attempt=1)
    for state in (queued, running, running.moved(JobState.COMPLETE)):
        store.save(state, 0)
    assert store.events("a") == [
        (JobState.QUEUED, 0),
        (JobState.GENERATING, 1),
        (JobState.COMPLETE, 1),
    ]


def test_the_row_on_disk_guards_its_arrows_and_its_attempt(store: Store) -> None:
    queued = job("a")
    store.save(queued.moved(JobState.GENERATING, attempt=2), 0)
    with pytest.raises(IllegalTransition):
        store.save(queued.moved(JobState.GENERATING, attempt=1).moved(JobState.COMPLETE), 0)
    store.save(queued.moved(JobState.GENERATING, attempt=2).moved(JobState.COMPLETE), 0)
    with pytest.raises(IllegalTransition):
        store.save(queued.moved(JobState.GENERATING, attempt=2).moved(JobState.FAILED), 0)
    assert store.events("a") == [(JobState.GENERATING, 2), (JobState.COMPLETE, 2)]


def test_active_jobs_oldest_first_and_survive_a_new_connection(tmp_path: Path) -> None:
    store = Store(tmp_path / "q")
    store.save(job("late", 7), 0)
    store.save(job("early", 2), 0)
    store.save(job("over", 1).moved(JobState.CANCELLED), 0)
    store.close()
    store = Store(tmp_path / "q")
    assert [j.track_id for j in store.active_jobs()] == ["early", "late"]
    assert store.next_order() == 8
    store.close()


def test_of_many_ids_the_first_that_is_no_track_is_named(store: Store) -> None:
    for name in ("a", "b"):
        done = job(name, state=JobState.COMPLETE)
        track = track_of(done, status=JobState.COMPLETE, bytes=1, created_at=1.0)
        store.save(job(name), 1.0)
        store.save(job(name, state=JobState.GENERATING, attempt=1), 1.0)
        store.save(msgspec.structs.replace(done, attempt=1), 1.0, track)
    assert store.index.unknown(["b", "a", "a"] * 333) is None
    assert store.index.unknown(["b"] * 997 + ["d", "c", "a"]) == "d"


def test_what_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "q"
    path.write_text("not a database " * 1000)
    with pytest.raises(LofiError, match=str(path)):
        Store(path)
