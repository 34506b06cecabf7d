"""The thinking part, by plain calls."""

from __future__ import annotations

import msgspec
import pytest

from lofi_broker import events as ev
from lofi_broker.workers import Running
from lofi_common import api
from lofi_common.errors import InvalidTrackId, QueueFull
from lofi_common.jobs import IllegalTransition, JobState, Output, Priority
from tests.unit.scheduling import FAILED, adopted, done, job, ready, saved, scheduler, sent, spawned, submit


def test_a_job_is_saved_before_a_worker_is_started_for_it() -> None:
    s = scheduler()
    actions = submit(s, "a")
    assert isinstance(actions[0], ev.Save) and spawned(actions) == [("w0", 1)]
    assert s.handle(ev.Tick(), 0.1) == []  # one worker is coming, a second is not started


def test_a_ready_worker_gets_the_oldest_job_saved_first() -> None:
    s = scheduler()
    submit(s, "a", "b")
    actions = ready(s)
    assert saved(actions) == [("a", JobState.GENERATING)] and sent(actions) == [("w0", "a", 1)]
    kinds = [type(a) for a in actions]
    assert kinds.index(ev.Save) < kinds.index(ev.SendRun)
    assert s.active.position("b") == 0 and s.active.position("a") is None


def test_done_is_adopted_then_complete_and_the_next_job_starts_meanwhile() -> None:
    s = scheduler()
    submit(s, "a", "b")
    ready(s)
    actions = s.handle(ev.JobDone("w0", done("a")), 1.0)
    assert isinstance(actions[0], ev.Adopt) and sent(actions) == [("w0", "b", 1)]
    assert saved(adopted(s, "a")) == [("a", JobState.COMPLETE)]
    assert s.active.get("a") is None and s.active.get("b") is not None


def test_two_slots_take_two_jobs() -> None:
    s = scheduler()
    submit(s, "a", "b", "c")
    assert sent(ready(s, slots=2)) == [("w0", "a", 1), ("w0", "b", 1)]


def test_two_workers_are_started_for_two_jobs_only() -> None:
    s = scheduler(count=3)
    assert spawned(submit(s, "a", "b")) == [("w0", 1), ("w1", 1)]


def test_high_priority_goes_first_in_its_own_order() -> None:
    s = scheduler()
    for order, (name, priority) in enumerate([("n", "normal"), ("h1", "high"), ("h2", "high")]):
        s.handle(ev.Submitted(job(name, order, priority=Priority(priority))), 0)
    assert [j.track_id for j in s.active.pending()] == ["h1", "h2", "n"]


def test_the_queue_has_a_limit_and_a_join_does_not_count() -> None:
    s = scheduler()
    submit(s, *[f"j{n}" for n in range(10)])
    with pytest.raises(QueueFull):
        s.handle(ev.Submitted(job("more")), 0)
    joined = s.handle(ev.Submitted(job("j3", outputs=(Output(path="/x.wav"),), priority=Priority.HIGH)), 0)
    assert saved(joined) == [("j3", JobState.QUEUED)]
    assert s.active.pending()[0].outputs == (Output(path="/x.wav"),)
    assert s.handle(ev.Submitted(job("j3")), 0) == []


def test_a_job_that_could_not_be_saved_was_never_there() -> None:
    s = scheduler()
    s.handle(ev.Submitted(job("a")), 0)
    s.handle(ev.NotSaved("a", before=None), 0)
    assert not len(s.active) and s.handle(ev.Tick(), 0) == []


def test_a_join_that_could_not_be_saved_leaves_the_job_as_it_was() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    before = s.active.get("a")
    s.handle(ev.Submitted(job("a", outputs=(Output(path="/x.wav"),))), 0)
    s.handle(ev.NotSaved("a", before), 0)
    assert s.active.get("a") == before and [j.track_id for j, _ in s.active.current()] == ["a"]


def test_a_cancelled_track_that_is_asked_for_again_at_once_runs_in_peace() -> None:
    s = scheduler(stop_grace_sec=2.0)
    submit(s, "a")
    ready(s, slots=2)
    s.handle(ev.CancelAsked("a"), 1)
    s.handle(ev.Submitted(job("a", attempt=1)), 1)
    assert sent(s.handle(ev.Tick(), 1)) == [("w0", "a", 2)]
    s.handle(ev.JobFailed("w0", "a", 1, FAILED), 1.5)  # the first attempt's answer to its cancel
    assert s.handle(ev.Tick(), 10.0) == []
    assert s.active.get("a") is not None and s.workers["w0"].credit == 1


def test_percent_never_falls_though_an_estimate_may_grow() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    for frames, expected in ((50, 100), (60, 200), (190, 200)):
        s.handle(ev.JobProgressed("w0", "a", 1, frames, expected), 1)
        assert s.active.current()[0][1] in (50, 95)


def test_late_answers_of_an_older_attempt_are_dropped() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    s.handle(ev.WorkerExited("w0", "gone"), 1)
    ready(s, now=2)
    assert s.handle(ev.JobDone("w0", done("a", attempt=1)), 3) == [ev.Discard("a", 1)]
    assert s.handle(ev.JobFailed("w0", "a", 1, FAILED), 3) == []
    assert s.handle(ev.JobProgressed("w0", "a", 1, 50, 100), 3) == []
    assert s.active.get("a") is not None


def test_cancel_of_a_running_job_ends_it_at_once_and_its_late_track_is_discarded() -> None:
    s = scheduler()
    submit(s, "a", "b")
    ready(s)
    actions = s.handle(ev.CancelAsked("a"), 1)
    assert saved(actions) == [("a", JobState.CANCELLED)] and ev.SendCancel("w0", "a", 1) in actions
    assert sent(s.handle(ev.Tick(), 1.1)) == []  # the slot is still busy
    late = s.handle(ev.JobDone("w0", done("a")), 1.2)
    assert late[0] == ev.Discard("a", 1) and sent(late) == [("w0", "b", 1)]


def test_a_worker_that_does_not_stop_a_cancelled_job_is_killed_after_the_grace() -> None:
    s = scheduler(stop_grace_sec=2.0)
    submit(s, "a")
    ready(s)
    s.handle(ev.CancelAsked("a"), 1)
    assert s.next_deadline() == 3.0
    assert s.handle(ev.Tick(), 2.9) == []
    (kill,) = s.handle(ev.Tick(), 3.0)
    assert isinstance(kill, ev.Kill) and "cancelled" in kill.reason
    assert saved(s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 3.1)) == []  # nobody is blamed


def test_cancel_against_complete_has_one_winner() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    s.handle(ev.JobDone("w0", done("a")), 1)
    assert s.handle(ev.CancelAsked("a"), 1) == []
    assert saved(s.handle(ev.WorkerExited("w0", "gone"), 1)) == []  # nor does a death count any more
    assert saved(adopted(s, "a")) == [("a", JobState.COMPLETE)]
    with pytest.raises(IllegalTransition, match="track_id=a"):
        adopted(s, "a")


def test_unknown_ids_can_t_be_cancelled() -> None:
    with pytest.raises(InvalidTrackId):
        scheduler().handle(ev.CancelAsked("nope"), 0)


def test_clear_drops_what_is_queued_and_keeps_what_runs() -> None:
    s = scheduler()
    submit(s, "a", "b", "c")
    ready(s)
    assert saved(s.handle(ev.ClearAsked(), 1)) == [("b", JobState.CANCELLED), ("c", JobState.CANCELLED)]
    assert [j.track_id for j, _ in s.active.current()] == ["a"]


def test_an_idle_worker_that_dies_is_started_when_it_is_needed() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    s.handle(ev.JobDone("w0", done("a")), 1)
    adopted(s, "a")
    assert spawned(s.handle(ev.WorkerExited("w0", "gone"), 2)) == []
    assert spawned(submit(s, "b", now=3)) == [("w0", 2)]


def test_jobs_of_an_earlier_broker_are_queued_again_in_their_order() -> None:
    s = scheduler()
    running = job("a", 1, state=JobState.GENERATING, attempt=1)
    actions = s.restore([running, job("b", 2)], 0)
    assert saved(actions) == [("a", JobState.QUEUED)] and spawned(actions) == [("w0", 1)]
    assert sent(ready(s)) == [("w0", "a", 2)]


def test_progress_is_told_with_percent_and_eta() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s, now=10)
    (told,) = s.handle(ev.JobProgressed("w0", "a", 1, 25, 100, 1.25), 12)
    assert isinstance(told, ev.Publish)
    assert told.params == api.GenerationProgress(
        track_id="a", percent=25, tokens_generated=25, tokens_estimated=100, eta_sec=6.0, audio_sec=1.25
    )
    assert s.active.current()[0][1] == 25


def test_what_lies_in_the_growing_file_is_never_told_to_be_less() -> None:
    """A player was told of it already; and more sound alone is no progress, or a worker could stand still."""
    running = Running(started_at=0.0)
    assert running.moved(10, 100, 2.0) and running.audio_sec == 2.0
    assert running.moved(20, 100, 1.0) and running.audio_sec == 2.0
    assert not running.moved(20, 100, 3.0) and running.audio_sec == 3.0
    assert not running.moved(10, 100, 3.0) and (running.done, running.percent) == (20, 20)


def test_a_new_version_of_the_model_is_loaded_for_the_next_job() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    newer = job("b")
    newer = msgspec.structs.replace(newer, spec=msgspec.structs.replace(newer.spec, model_version="m-2"))
    s.handle(ev.Submitted(newer), 1)
    assert s.handle(ev.Tick(), 1) == []  # the running job is left alone
    finished = s.handle(ev.JobDone("w0", done("a")), 2)
    assert any(isinstance(action, ev.Kill) for action in finished)
    assert s.workers["w0"].killed_for is not None
    assert spawned(s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 4)) == [("w0", 2)]
    assert sent(s.handle(ev.WorkerReady("w0", 1, "cpu", "m-2", 0.1), 5)) == [("w0", "b", 1)]


def test_a_job_for_a_version_that_is_gone_ends_and_says_so() -> None:
    s = scheduler()
    submit(s, "a")
    actions = s.handle(ev.WorkerReady("w0", 1, "cpu", "m-2", 0.1), 1)
    (failed,) = [a.job for a in actions if isinstance(a, ev.Save)]
    assert failed.error is not None and failed.error.name == "MODEL_NOT_FOUND"
    assert "m-1 is no longer installed" in failed.error.message


def test_a_free_slot_beside_an_older_version_is_not_used() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s, slots=2)
    newer = job("b")
    newer = msgspec.structs.replace(newer, spec=msgspec.structs.replace(newer.spec, model_version="m-2"))
    s.handle(ev.Submitted(newer), 1)
    assert s.handle(ev.Tick(), 1) == []


def test_a_model_that_is_replaced_while_it_loads_is_loaded_again() -> None:
    s = scheduler()
    submit(s, "a")
    newer = job("b", 1)
    newer = msgspec.structs.replace(newer, spec=msgspec.structs.replace(newer.spec, model_version="m-2"))
    s.handle(ev.Submitted(newer), 1)
    ready(s)
    s.handle(ev.JobDone("w0", done("a")), 2)
    assert s.active.get("b") is not None and s.workers["w0"].killed_for is not None
