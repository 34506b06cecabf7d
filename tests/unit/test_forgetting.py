"""What the queue's database keeps of jobs that have ended, and that its size has a bound."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lofi_broker.store import Store
from lofi_common.jobs import Job, JobState
from tests.unit.scheduling import job


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close()


def run(store: Store, before: Job, state: JobState = JobState.FAILED) -> Job:
    """A job from its submission to its end."""
    running = before.moved(JobState.GENERATING, attempt=before.attempt + 1)
    for each in (before, running, running.moved(state)):
        store.save(each, 0.0)
    return running.moved(state)


def test_those_that_ended_last_stay_whenever_they_were_submitted(store: Store) -> None:
    for name, order in (("late", 2), ("old", 3), ("early", 1)):
        run(store, job(name, order))
    store.forget(2)
    assert store.job("old") is not None and store.job("early") is not None
    assert store.job("late") is None and store.events("late") == []
    assert len(store.events("old")) == 3


def test_what_has_not_ended_stays(store: Store) -> None:
    store.save(job("queued", 1), 0.0)
    store.save(job("running", 2).moved(JobState.GENERATING, attempt=1), 0.0)
    run(store, job("over", 3))
    run(store, job("newer", 4))
    store.forget(1)
    assert [each.track_id for each in store.active_jobs()] == ["queued", "running"]
    assert store.job("over") is None and store.job("newer") is not None


def test_a_forgotten_track_never_gets_an_attempt_again_that_it_had(store: Store, path: Path) -> None:
    assert store.last_attempt("a") == 0
    run(store, job("a", attempt=6))
    assert store.last_attempt("a") == 7
    run(store, job("b", 1))
    store.forget(1)
    run(store, job("c", 2, attempt=1))
    store.forget(1)  # forgets a lower attempt: the higher one counts
    assert store.job("a") is None
    store.close()
    again = Store(path)
    assert again.last_attempt("a") == 7 and again.last_attempt("never seen") == 7
    assert again.last_attempt("c") == 2
    again.close()


def test_one_track_asked_for_over_and_over_does_not_fill_the_events(store: Store, path: Path) -> None:
    last = run(store, job("a"))
    for _ in range(50):
        last = run(store, job("a", attempt=last.attempt))
    store.forget(1)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM job_events").fetchone()[0] == 20
    db.close()
    assert store.events("a")[-1] == (JobState.FAILED, 51)


def test_the_end_of_a_job_is_remembered_when_its_events_are_not(store: Store) -> None:
    run(store, job("first", 1))
    last = run(store, job("again", 2))
    for _ in range(50):
        last = run(store, job("again", 2, attempt=last.attempt))
    store.forget(2)
    run(store, job("third", 3))
    store.forget(2)
    assert store.job("first") is None
    assert store.job("again") is not None and store.job("third") is not None


def test_many_that_are_too_old_go_some_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lofi_broker.store._FORGOTTEN_AT_ONCE", 3)
    for order in range(6):
        run(store, job(f"job{order}", order))
    left = []
    for _ in range(3):
        store.forget(2)
        left.append([order for order in range(6) if store.job(f"job{order}") is not None])
    assert left == [[3, 4, 5], [4, 5], [4, 5]]


def test_the_file_stops_growing_and_gives_room_back(store: Store, path: Path) -> None:
    def pages() -> int:
        with sqlite3.connect(path) as db:
            count: int = db.execute("PRAGMA page_count").fetchone()[0]
        db.close()
        return count

    empty, sizes = pages(), []
    for order in range(400):
        long = job(f"job{order}", order)
        run(store, msgspec.structs.replace(long, spec=msgspec.structs.replace(long.spec, prompt="x" * 1000)))
        if order % 20 == 19:
            store.forget(50)
            sizes.append(pages())
    assert max(sizes[3:]) <= 1.1 * sizes[3]
    store.forget(1)
    assert pages() - empty < (sizes[-1] - empty) / 2
