"""Several models on one queue: who is loaded when, and that nobody starves."""

from __future__ import annotations

import msgspec

from lofi_broker import events as ev
from lofi_broker.workers import WorkerState
from lofi_common.jobs import Job, JobState
from tests.unit.scheduling import FAILED, adopted, done, job, saved, scheduler, sent, spawned


def of(version: str, name: str, order: int) -> Job:
    plain = job(name, order)
    return msgspec.structs.replace(plain, spec=msgspec.structs.replace(plain.spec, model_version=version))


def queue(s: object, *jobs: Job) -> list[ev.Action]:
    actions: list[ev.Action] = []
    for each in jobs:
        actions += s.handle(ev.Submitted(each), 0)  # type: ignore[attr-defined]
    return actions + s.handle(ev.Tick(), 0)  # type: ignore[attr-defined,no-any-return]


def loaded(version: str, worker: str = "w0", slots: int = 1) -> ev.WorkerReady:
    return ev.WorkerReady(worker, slots, "cpu", version, 0.1)


def killed(actions: list[ev.Action]) -> list[str]:
    return [action.worker for action in actions if isinstance(action, ev.Kill)]


def wants(actions: list[ev.Action]) -> list[tuple[str, str]]:
    return [(action.worker, action.model_version) for action in actions if isinstance(action, ev.Spawn)]


def test_a_worker_is_started_with_the_model_of_the_next_job() -> None:
    s = scheduler()
    assert wants(queue(s, of("b-1", "x", 1), of("a-1", "y", 2))) == [("w0", "b-1")]


def test_the_queue_s_order_decides_when_a_model_is_changed() -> None:
    s = scheduler()
    queue(s, of("a-1", "first", 1), of("b-1", "other", 2), of("a-1", "last", 3))
    assert sent(s.handle(loaded("a-1"), 1)) == [("w0", "first", 1)]
    change = s.handle(ev.JobDone("w0", done("first")), 2)
    assert sent(change) == [] and killed(change) == [
        "w0"
    ]  # "last" does not overtake, though its model is there
    adopted(s, "first")
    assert wants(s.handle(ev.WorkerExited("w0", "killed"), 3)) == [("w0", "b-1")]
    assert sent(s.handle(loaded("b-1"), 4)) == [("w0", "other", 1)]
    assert killed(s.handle(ev.JobDone("w0", done("other")), 5)) == ["w0"]
    assert wants(s.handle(ev.WorkerExited("w0", "killed"), 6)) == [("w0", "a-1")]


def test_a_stream_of_jobs_of_the_loaded_model_starves_no_other() -> None:
    s = scheduler()
    queue(s, of("a-1", "a0", 0))
    s.handle(loaded("a-1", slots=2), 1)
    queue(s, of("b-1", "waits", 1), *(of("a-1", f"a{n}", n + 1) for n in range(1, 8)))
    assert sent(s.handle(ev.Tick(), 2)) == []  # a slot is free, and stays free for the model that comes next
    s.handle(ev.JobDone("w0", done("a0")), 3)
    s.handle(ev.WorkerExited("w0", "killed"), 4)
    assert sent(s.handle(loaded("b-1", slots=2), 5)) == [("w0", "waits", 1)]


def test_two_workers_keep_two_models_and_take_their_own_jobs() -> None:
    s = scheduler(count=2)
    assert wants(queue(s, of("a-1", "a", 1), of("b-1", "b", 2))) == [("w0", "a-1"), ("w1", "b-1")]
    s.handle(loaded("a-1", "w0"), 1)
    s.handle(loaded("b-1", "w1"), 1)
    for worker, name in (("w0", "a"), ("w1", "b")):
        s.handle(ev.JobDone(worker, done(name)), 2)
        adopted(s, name)
    both = queue(s, of("b-1", "b2", 3), of("a-1", "a2", 4))
    assert sent(both) == [("w1", "b2", 1), ("w0", "a2", 1)] and killed(both) == []


def test_one_idle_worker_makes_room_not_all() -> None:
    s = scheduler(count=2)
    queue(s, of("a-1", "x", 1), of("a-1", "y", 2))
    for worker in ("w0", "w1"):
        s.handle(loaded("a-1", worker), 1)
    for worker, name in (("w0", "x"), ("w1", "y")):
        s.handle(ev.JobDone(worker, done(name)), 2)
        adopted(s, name)
    assert killed(queue(s, of("b-1", "z", 3))) == ["w0"]
    assert killed(s.handle(ev.Tick(), 3)) == []  # w0 is leaving already


def test_a_model_that_can_t_be_loaded_fails_its_own_jobs_and_the_next_model_s_run() -> None:
    s = scheduler()
    queue(s, of("bad-1", "x", 1), of("good-1", "y", 2), of("bad-1", "z", 3))
    failed = s.handle(ev.WorkerLoadFailed("w0", FAILED), 1)
    assert saved(failed) == [("x", JobState.FAILED), ("z", JobState.FAILED)]
    assert wants(s.handle(ev.WorkerExited("w0", "exit code 4"), 1)) == [("w0", "good-1")]
    assert sent(s.handle(loaded("good-1"), 2)) == [("w0", "y", 1)]


def test_a_model_that_kills_its_worker_while_loading_does_not_hold_up_the_others_for_ever() -> None:
    s = scheduler()
    queue(s, of("bad-1", "x", 1), of("good-1", "y", 2))
    now, ended = 0.0, list[ev.Action]()
    for _ in range(5):
        ended = s.handle(ev.WorkerExited("w0", "killed by SIGSEGV"), now)
        deadline = s.next_deadline()
        if spawned(ended) or deadline is None:
            break
        now = deadline
        s.handle(ev.Tick(), now)
    assert saved(ended) == [("x", JobState.FAILED)]
    assert wants(ended) == [("w0", "good-1")]
    (failed,) = [action.job for action in ended if isinstance(action, ev.Save)]
    assert failed.error is not None and failed.error.name == "MODEL_LOAD_FAILED"


def test_a_worker_rests_only_from_the_model_that_it_could_not_load() -> None:
    s = scheduler()
    queue(s, of("bad-1", "x", 1))
    s.handle(ev.WorkerExited("w0", "killed by SIGSEGV"), 1)
    assert s.workers["w0"].state is WorkerState.BACKOFF
    s.handle(ev.CancelAsked("x"), 1)
    assert wants(queue(s, of("good-1", "y", 2))) == [("w0", "good-1")]


def test_a_job_of_a_model_that_was_removed_ends_and_a_worker_with_it_is_left_alone() -> None:
    s = scheduler(count=2)
    queue(s, of("a-1", "x", 1), of("b-1", "y", 2))
    s.handle(loaded("a-1", "w0"), 1)
    replaced = s.handle(loaded("b-2", "w1"), 1)
    assert saved(replaced)[0] == ("y", JobState.FAILED)
    assert s.active.get("x") is not None


def test_the_model_that_a_worker_loads_is_told_by_name_and_version() -> None:
    s = scheduler()
    version = "musicgen-small-0123abcd"
    told = [a.params for a in queue(s, of(version, "x", 1)) if isinstance(a, ev.Publish)]
    assert [(p.model, p.model_version, p.state) for p in told] == [  # type: ignore[attr-defined]
        ("musicgen-small", version, "loading")
    ]
