"""Who pays for a death: the worker slot, the job, or nobody yet."""

from __future__ import annotations

import pytest

from lofi_broker import events as ev
from lofi_broker.workers import WorkerState
from lofi_common.jobs import JobState
from tests.unit.scheduling import FAILED, adopted, done, ready, saved, scheduler, sent, spawned, submit


def test_a_poison_prompt_fails_after_two_deaths_and_the_next_job_runs() -> None:
    s = scheduler()
    submit(s, "poison", "fine")
    ready(s)
    first = s.handle(ev.WorkerExited("w0", "killed by SIGSEGV"), 1)
    assert saved(first) == [("poison", JobState.QUEUED)] and spawned(first) == [("w0", 2)]
    assert sent(ready(s, now=2)) == [("w0", "poison", 2)]
    second = s.handle(ev.WorkerExited("w0", "killed by SIGSEGV"), 3)
    assert saved(second) == [("poison", JobState.FAILED)]
    (failed,) = [a.job for a in second if isinstance(a, ev.Save)]
    assert failed.error is not None and "died 2 times" in failed.error.message
    assert "SIGSEGV" in failed.error.message
    assert sent(ready(s, now=4)) == [("w0", "fine", 1)]


def test_deaths_while_loading_are_the_slot_s_and_back_off_then_open_the_breaker() -> None:
    s = scheduler()
    submit(s, "a")
    now, delays = 0.0, []
    for _ in range(5):
        assert spawned(s.handle(ev.WorkerExited("w0", "exit code 1"), now)) == []
        retry_at = s.next_deadline()
        assert retry_at is not None
        delays.append(retry_at - now)
        assert s.handle(ev.Tick(), retry_at - 0.01) == []
        now = retry_at
        if s.workers["w0"].state is WorkerState.BACKOFF:
            assert len(spawned(s.handle(ev.Tick(), now))) == 1
    assert s.workers["w0"].state is WorkerState.DISABLED
    assert "exit code 1" in (s.workers["w0"].reason or "")
    assert 0.18 < delays[0] < 0.32 and delays[0] < delays[1] < delays[2] and delays[4] == pytest.approx(60.0)
    assert s.active.pending()[0].track_id == "a"  # the job waits
    assert len(spawned(s.handle(ev.Tick(), now))) == 1  # one new try


def test_a_model_that_says_it_can_t_load_fails_the_jobs_that_wait_for_it() -> None:
    s = scheduler()
    submit(s, "a", "b")
    actions = s.handle(ev.WorkerLoadFailed("w0", FAILED), 1)
    assert saved(actions) == [("a", JobState.FAILED), ("b", JobState.FAILED)]
    assert spawned(s.handle(ev.WorkerExited("w0", "exit code 4"), 1)) == []
    assert s.workers["w0"].reason == "broken"
    assert spawned(submit(s, "c", now=2)) == [("w0", 2)]


def test_of_neighbours_that_die_together_none_is_charged_and_each_is_tried_alone() -> None:
    s = scheduler()
    submit(s, "poison", "innocent", "later")
    assert len(sent(ready(s, slots=2))) == 2
    assert saved(s.handle(ev.WorkerExited("w0", "SIGSEGV"), 1)) == [
        ("innocent", JobState.QUEUED),
        ("poison", JobState.QUEUED),
    ]
    assert sent(ready(s, slots=2)) == [("w0", "poison", 2)]  # alone, though there is a second slot
    s.handle(ev.WorkerExited("w0", "SIGSEGV"), 2)
    assert sent(ready(s, slots=2)) == [("w0", "poison", 3)]
    assert saved(s.handle(ev.WorkerExited("w0", "SIGSEGV"), 3)) == [("poison", JobState.FAILED)]
    assert sent(ready(s, slots=2)) == [("w0", "innocent", 2)]
    assert sent(s.handle(ev.JobDone("w0", done("innocent", 2)), 4)) == [("w0", "later", 1)]
    (track,) = [a.job for a in adopted(s, "innocent", 2) if isinstance(a, ev.Save)]
    assert (track.state, track.deaths) == (JobState.COMPLETE, 0)


def test_a_resting_worker_that_nobody_waits_for_asks_for_no_tick() -> None:
    s = scheduler(count=2)
    submit(s, "a", "b")
    ready(s, "w0")
    s.handle(ev.WorkerExited("w1", "exit code 1"), 1)
    s.handle(ev.JobDone("w0", done("a")), 2)  # w0 takes b as well
    s.handle(ev.Tick(), 5)
    deadline = s.next_deadline()
    assert deadline is not None and deadline > 5


@pytest.mark.parametrize(
    ("prepare", "at", "word"),
    [("loading", 120.0, "not ready"), ("ready", 15.0, "silent"), ("seen", 60.0, "no progress")],
)
def test_a_broken_worker_is_killed_once_at_its_deadline(prepare: str, at: float, word: str) -> None:
    s = scheduler()
    submit(s, "a")
    if prepare != "loading":
        ready(s)
    if prepare == "seen":
        s.handle(ev.WorkerSeen("w0", rss=1), 55.0)
    assert s.next_deadline() == at
    assert s.handle(ev.Tick(), at - 0.1) == []
    (kill,) = s.handle(ev.Tick(), at)
    assert isinstance(kill, ev.Kill) and word in kill.reason
    assert s.handle(ev.Tick(), at + 1) == []
    exited = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), at + 1)
    assert any(isinstance(a, ev.Publish) and word in getattr(a.params, "reason", "") for a in exited)


def test_a_neighbour_of_a_cancelled_job_that_hangs_is_not_charged() -> None:
    s = scheduler(stop_grace_sec=1.0)
    submit(s, "hangs", "innocent")
    ready(s, slots=2)
    s.handle(ev.CancelAsked("hangs"), 1)
    assert any(isinstance(a, ev.Kill) for a in s.handle(ev.Tick(), 2))
    (again,) = [
        a.job for a in s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 2) if isinstance(a, ev.Save)
    ]
    assert (again.track_id, again.state, again.deaths) == ("innocent", JobState.QUEUED, 0)


def test_a_second_worker_that_can_t_load_backs_off() -> None:
    s = scheduler(count=2)
    submit(s, "a", "b")
    ready(s, "w0")
    s.handle(ev.WorkerLoadFailed("w1", FAILED), 1)
    assert s.active.pending()  # w0 will take it
    assert spawned(s.handle(ev.WorkerExited("w1", "exit code 4"), 1)) == []
    assert s.workers["w1"].state is WorkerState.BACKOFF
