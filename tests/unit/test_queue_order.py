"""Who runs when, what happens to an earlier broker's jobs, and that a queue has bounds."""

from __future__ import annotations

import msgspec
import pytest

from lofi_broker import events as ev
from lofi_broker.endings import FORGET_EVERY
from lofi_broker.scheduler import MAX_OUTPUTS, Scheduler
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.errors import QueueFull
from lofi_common.jobs import JobState, Output, Priority
from tests.unit.scheduling import FAILED, adopted, done, job, ready, saved, scheduler, sent, submit


def finish(s: Scheduler, name: str, attempt: int = 1) -> list[ev.Action]:
    """The worker is done with a job; what follows, its adoption included."""
    return s.handle(ev.JobDone("w0", done(name, attempt)), 1.0) + adopted(s, name, attempt)


def test_normal_ones_wait_while_high_ones_keep_coming_and_run_when_none_waits() -> None:
    s = scheduler()
    submit(s, "n1", "n2")
    ready(s)  # n1 runs: nothing takes a worker away from it
    before = "n1"
    for order in range(10, 60):
        high = f"h{order}"
        s.handle(ev.Submitted(job(high, order, priority=Priority.HIGH)), 0.0)
        assert s.active.position("n2") == 1
        assert sent(finish(s, before)) == [("w0", high, 1)]
        before = high
    assert sent(finish(s, before)) == [("w0", "n2", 1)]


def test_a_job_that_lost_its_worker_keeps_its_place() -> None:
    s = scheduler()
    submit(s, "a", "b")
    ready(s)
    s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 1.0)
    assert [each.track_id for each in s.active.pending()] == ["a", "b"]
    assert sent(ready(s, now=2.0)) == [("w0", "a", 2)]


def test_a_join_with_high_priority_lifts_the_job_and_its_age_counts() -> None:
    s = scheduler()
    submit(s, "a", "b", "c")
    s.handle(ev.Submitted(job("new", 7, priority=Priority.HIGH)), 0.0)
    s.handle(ev.Submitted(job("c", 8, priority=Priority.HIGH)), 0.0)
    assert [each.track_id for each in s.active.pending()] == ["c", "new", "a", "b"]


def test_an_earlier_broker_s_order_and_priorities_are_kept() -> None:
    s = scheduler()
    left = [
        job("a", 1),
        job("ran", 2, state=JobState.GENERATING, attempt=3),
        job("high", 3, priority=Priority.HIGH),
    ]
    s.restore(left, 0.0)
    assert [each.track_id for each in s.active.pending()] == ["high", "a", "ran"]


def test_more_than_the_limit_may_be_left_by_an_earlier_broker() -> None:
    s = Scheduler(QueueConfig(max_pending=1), WorkerConfig())
    s.restore([job("a", 1), job("b", 2)], 0.0)
    assert len(s.active.pending()) == 2
    with pytest.raises(QueueFull):
        s.handle(ev.Submitted(job("c", 3)), 0.0)


def test_a_queue_that_is_not_durable_cancels_what_an_earlier_broker_left() -> None:
    s = Scheduler(QueueConfig(durable=False), WorkerConfig())
    left = [job("queued", 1), job("ran", 2, state=JobState.GENERATING, attempt=1)]
    actions = s.restore(left, 0.0)
    assert saved(actions) == [("queued", JobState.CANCELLED), ("ran", JobState.CANCELLED)]
    for each in (action.job for action in actions if isinstance(action, ev.Save)):
        assert each.error is not None and each.error.name == "GENERATION_CANCELLED"
        assert "queue.durable is false" in each.error.message
    assert not len(s.active) and not any(isinstance(action, ev.Spawn) for action in actions)
    assert saved(s.handle(ev.Submitted(job("queued", 3)), 1.0)) == [("queued", JobState.QUEUED)]


def test_copies_of_one_track_have_a_limit() -> None:
    s = scheduler()
    submit(s, "a")
    for number in range(MAX_OUTPUTS):
        s.handle(ev.Submitted(job("a", outputs=(Output(path=f"/{number}.wav"),))), 0.0)
    with pytest.raises(QueueFull, match="copies"):
        s.handle(ev.Submitted(job("a", outputs=(Output(path="/more.wav"),))), 0.0)
    assert s.handle(ev.Submitted(job("a", outputs=(Output(path="/7.wav"),))), 0.0) == []
    assert len(s.active["a"].outputs) == MAX_OUTPUTS


def test_old_jobs_are_forgotten_at_the_start_and_every_so_many_ends() -> None:
    s = Scheduler(QueueConfig(keep_ended=7), WorkerConfig())
    assert s.restore([], 0.0) == [ev.Forget(7)]
    forgets = []
    for order in range(2 * FORGET_EVERY):
        name = f"j{order}"
        submit(s, name)
        if order == 0:
            ready(s)
        ended = s.handle(ev.JobFailed("w0", name, 1, FAILED), 1.0) if order % 2 else finish(s, name)
        forgets += [order for action in ended if action == ev.Forget(7)]
    assert forgets == [FORGET_EVERY - 1, 2 * FORGET_EVERY - 1]


def test_a_job_that_waited_behind_a_cancelled_one_starts_at_once() -> None:
    s = scheduler()
    submit(s, "runs")
    ready(s, slots=2)
    other = job("other", 1)
    other = msgspec.structs.replace(other, spec=msgspec.structs.replace(other.spec, model_version="m-2"))
    s.handle(ev.Submitted(other), 1.0)
    s.handle(ev.Submitted(job("next", 2)), 1.0)
    assert sent(s.handle(ev.Tick(), 1.0)) == []  # nobody overtakes the one of another model
    assert sent(s.handle(ev.CancelAsked("other"), 2.0)) == [("w0", "next", 1)]


def test_cancelling_again_and_again_gives_a_worker_no_more_time() -> None:
    s = scheduler(stop_grace_sec=2.0)
    submit(s, "a")
    ready(s)
    s.handle(ev.CancelAsked("a"), 1.0)
    s.handle(ev.Submitted(job("a", 1, attempt=1)), 2.0)
    assert not any(isinstance(action, ev.SendCancel) for action in s.handle(ev.CancelAsked("a"), 2.5))
    (kill,) = s.handle(ev.Tick(), 3.0)
    assert isinstance(kill, ev.Kill) and "cancelled" in kill.reason
