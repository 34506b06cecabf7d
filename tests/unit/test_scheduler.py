"""The thinking part, by plain calls."""

from __future__ import annotations

import pytest

from lofi_broker import events as ev
from lofi_broker.scheduler import Scheduler
from lofi_broker.workers import WorkerState
from lofi_common import api
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.errors import InvalidTrackId, ModelLoadFailed, QueueFull
from lofi_common.jobs import IllegalTransition, Job, JobSpec, JobState, Priority
from lofi_common.messages import Done

FAILED = ModelLoadFailed("broken").info()


def job(name: str, order: int = 0, **more: object) -> Job:
    spec = JobSpec(
        prompt=name,
        duration_sec=5,
        seed=1,
        model_version="m-1",
        temperature=1.0,
        top_k=0,
        top_p=0.0,
        guidance_scale=1.0,
    )
    return Job(track_id=name, spec=spec, order=order, **more)  # type: ignore[arg-type]


def done(name: str, attempt: int = 1) -> Done:
    return Done(
        job_id=name,
        attempt=attempt,
        path=f"/spool/{name}.{attempt}.wav",
        sha256="0" * 64,
        bytes=1,
        sample_rate=32_000,
        channels=1,
        samples=160_000,
        generation_sec=1.0,
    )


def scheduler(**worker: object) -> Scheduler:
    return Scheduler(QueueConfig(), WorkerConfig(**worker), model="m", seed=1)  # type: ignore[arg-type]


def submit(s: Scheduler, *names: str, now: float = 0.0) -> list[ev.Action]:
    """Queue jobs as the broker does: saved, then handed out by the next event."""
    actions: list[ev.Action] = []
    for order, name in enumerate(names):
        actions += s.handle(ev.Submitted(job(name, order)), now)
    return actions + s.handle(ev.Tick(), now)


def ready(s: Scheduler, worker: str = "w0", slots: int = 1, now: float = 0.0) -> list[ev.Action]:
    return s.handle(ev.WorkerReady(worker, slots, "cpu", "m-1", 0.1), now)


def saved(actions: list[ev.Action]) -> list[tuple[str, JobState]]:
    return [(a.job.track_id, a.job.state) for a in actions if isinstance(a, ev.Save)]


def sent(actions: list[ev.Action]) -> list[tuple[str, str, int]]:
    return [(a.worker, a.job.track_id, a.job.attempt) for a in actions if isinstance(a, ev.SendRun)]


def spawned(actions: list[ev.Action]) -> list[tuple[str, int]]:
    return [(a.worker, a.generation) for a in actions if isinstance(a, ev.Spawn)]


def adopted(s: Scheduler, name: str, attempt: int = 1) -> list[ev.Action]:
    spec = job(name).spec
    track = api.Track(
        track_id=name,
        status=JobState.COMPLETE,
        path=f"/tracks/{name}.wav",
        sha256="0" * 64,
        sample_rate=32_000,
        generation_time_sec=1.0,
        **{field: getattr(spec, field) for field in JobSpec.__struct_fields__},
    )
    return s.handle(ev.TrackAdopted(name, attempt, track), 1.0)


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
    assert s.position("b") == 0 and s.position("a") is None


def test_done_is_adopted_then_complete_and_the_next_job_starts_meanwhile() -> None:
    s = scheduler()
    submit(s, "a", "b")
    ready(s)
    actions = s.handle(ev.JobDone("w0", done("a")), 1.0)
    assert isinstance(actions[0], ev.Adopt) and sent(actions) == [("w0", "b", 1)]
    assert saved(adopted(s, "a")) == [("a", JobState.COMPLETE)]
    assert s.job("a") is None and s.job("b") is not None


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
    assert [j.track_id for j in s.pending()] == ["h1", "h2", "n"]


def test_the_queue_has_a_limit_and_a_join_does_not_count() -> None:
    s = scheduler()
    submit(s, *[f"j{n}" for n in range(10)])
    with pytest.raises(QueueFull):
        s.handle(ev.Submitted(job("more")), 0)
    joined = s.handle(ev.Submitted(job("j3", outputs=("/x.wav",), priority=Priority.HIGH)), 0)
    assert saved(joined) == [("j3", JobState.QUEUED)]
    assert s.pending()[0].outputs == ("/x.wav",)
    assert s.handle(ev.Submitted(job("j3")), 0) == []


def test_a_job_that_could_not_be_saved_was_never_there() -> None:
    s = scheduler()
    s.handle(ev.Submitted(job("a")), 0)
    s.handle(ev.NotSaved("a"), 0)
    assert s.idle and s.handle(ev.Tick(), 0) == []


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
    assert s.pending()[0].track_id == "a"  # the job waits
    assert len(spawned(s.handle(ev.Tick(), now))) == 1  # one new try


def test_a_model_that_says_it_can_t_load_fails_the_jobs_that_wait_for_it() -> None:
    s = scheduler()
    submit(s, "a", "b")
    actions = s.handle(ev.WorkerLoadFailed("w0", FAILED), 1)
    assert saved(actions) == [("a", JobState.FAILED), ("b", JobState.FAILED)]
    assert spawned(s.handle(ev.WorkerExited("w0", "exit code 4"), 1)) == []
    assert s.workers["w0"].reason == "broken"
    assert spawned(submit(s, "c", now=2)) == [("w0", 2)]


def test_late_answers_of_an_older_attempt_are_dropped() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    s.handle(ev.WorkerExited("w0", "gone"), 1)
    ready(s, now=2)
    assert s.handle(ev.JobDone("w0", done("a", attempt=1)), 3) == [ev.Discard("/spool/a.1.wav")]
    assert s.handle(ev.JobFailed("w0", "a", 1, FAILED), 3) == []
    assert s.handle(ev.JobProgressed("w0", "a", 1, 50, 100), 3) == []
    assert s.job("a") is not None


def test_cancel_of_a_running_job_ends_it_at_once_and_its_late_track_is_discarded() -> None:
    s = scheduler()
    submit(s, "a", "b")
    ready(s)
    actions = s.handle(ev.CancelAsked("a"), 1)
    assert saved(actions) == [("a", JobState.CANCELLED)] and ev.SendCancel("w0", "a", 1) in actions
    assert sent(s.handle(ev.Tick(), 1.1)) == []  # the slot is still busy
    late = s.handle(ev.JobDone("w0", done("a")), 1.2)
    assert late[0] == ev.Discard("/spool/a.1.wav") and sent(late) == [("w0", "b", 1)]


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
    assert [j.track_id for j, _ in s.current()] == ["a"]


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
    (told,) = s.handle(ev.JobProgressed("w0", "a", 1, 25, 100), 12)
    assert isinstance(told, ev.Publish)
    assert told.params == api.GenerationProgress(
        track_id="a", percent=25, tokens_generated=25, tokens_estimated=100, eta_sec=6.0
    )
    assert s.current()[0][1] == 25
