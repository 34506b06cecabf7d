"""What the scheduler makes of a worker's memory and idleness, by plain calls."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lofi_broker import events as ev
from lofi_broker.memory import cache_bytes, memory_limit
from lofi_broker.scheduler import Scheduler
from lofi_broker.workers import WorkerState
from lofi_common.jobs import JobState
from lofi_common.manifest import read_manifest
from lofi_common.paths import starter_folder
from tests.unit.scheduling import FAILED, adopted, done, ready, saved, scheduler, sent, spawned, submit

MB = 1_000_000
LIMIT = 1000 * MB
LOADED = 200 * MB


def at_work(*names: str, slots: int = 1) -> Scheduler:
    """One worker of 1,000 MB, with these jobs."""
    s = scheduler(slots=slots)
    submit(s, *names)
    s.handle(ev.WorkerSpawned("w0", 1, LIMIT), 0)
    s.handle(ev.WorkerSeen("w0", LOADED), 0)
    ready(s, slots=slots)
    return s


def finish(s: Scheduler, name: str, now: float) -> None:
    s.handle(ev.JobDone("w0", done(name)), now)
    adopted(s, name)


def killed(actions: list[ev.Action]) -> list[ev.Kill]:
    return [action for action in actions if isinstance(action, ev.Kill)]


def test_a_track_whose_worker_takes_too_much_ends_at_once_and_says_so() -> None:
    s = at_work("a", "b")
    assert killed(s.handle(ev.WorkerSeen("w0", LIMIT), 1)) == []
    (kill,) = killed(s.handle(ev.WorkerSeen("w0", LIMIT + 1 * MB), 1))
    assert kill.misbehaves and "1001 MB of at most 1000 MB" in kill.reason
    assert killed(s.handle(ev.WorkerSeen("w0", LIMIT + 2 * MB), 1)) == []  # once
    actions = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 2)
    assert saved(actions)[0] == ("a", JobState.FAILED)
    error = next(a.job.error for a in actions if isinstance(a, ev.Save))
    assert error is not None and error.name == "MODEL_INFERENCE_FAILED" and "out of memory" in error.message
    assert any(isinstance(action, ev.Spawn) for action in actions)  # b goes on


def test_of_two_tracks_beside_each_other_none_is_blamed_yet() -> None:
    s = at_work("a", "b", slots=2)
    s.handle(ev.WorkerSeen("w0", 2 * LIMIT), 1)
    actions = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 2)
    assert sorted(saved(actions)) == [("a", JobState.QUEUED), ("b", JobState.QUEUED)]


def test_a_worker_that_keeps_too_much_is_replaced_when_it_idles() -> None:
    s = at_work("a")
    grown = LOADED + (LIMIT - LOADED) // 2 + 1
    assert killed(s.handle(ev.WorkerSeen("w0", grown - 1), 1)) == []
    finish(s, "a", 2)
    assert killed(s.handle(ev.WorkerSeen("w0", grown - 1), 3)) == []
    (kill,) = killed(s.handle(ev.WorkerSeen("w0", grown), 4))
    assert not kill.misbehaves and "grown from 200 to 600 MB" in kill.reason
    actions = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 5)
    assert not any(isinstance(a, ev.Publish) and a.method == "worker_restart" for a in actions)


@pytest.mark.parametrize("busy", [True, False])
def test_only_an_idle_worker_leaves_after_its_time(busy: bool) -> None:
    s = at_work("a")
    s.handle(ev.JobProgressed("w0", "a", 1, 1, 100), 50)
    if busy:
        s.handle(ev.JobProgressed("w0", "a", 1, 2, 100), 354.0)
    else:
        finish(s, "a", 55)
    s.handle(ev.WorkerSeen("w0", LOADED), 354.0)
    assert killed(s.handle(ev.Tick(), 354.9)) == []
    idle = killed(s.handle(ev.Tick(), 355.1))
    assert [kill.misbehaves for kill in idle] == ([] if busy else [False])


def test_a_worker_that_left_in_peace_is_started_for_the_next_job() -> None:
    s = at_work("a")
    finish(s, "a", 1)
    s.handle(ev.WorkerSeen("w0", LOADED), 301)
    s.handle(ev.Tick(), 301.5)
    s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 302)
    assert s.workers["w0"].state is WorkerState.DOWN
    assert any(isinstance(action, ev.Spawn) for action in submit(s, "b", now=303))


def test_the_limit_follows_the_model_the_slots_and_the_machine() -> None:
    manifest = read_manifest(starter_folder()).manifest
    one, eight = (memory_limit(manifest, slots, 0, 10**12, 1) for slots in (1, 8))
    assert eight - one == 7 * cache_bytes(manifest, 1) > 0
    assert memory_limit(manifest, 1, 0, 10**9, 1) == 800_000_000
    assert memory_limit(manifest, 1, 0, 10**9, 4) == 200_000_000
    assert memory_limit(manifest, 1, 250, 10**9, 4) == 250_000_000


def test_a_worker_that_keeps_too_much_gets_no_other_job() -> None:
    s = at_work("a", "b")
    s.handle(ev.WorkerSeen("w0", LOADED + (LIMIT - LOADED) // 2 + 1), 1)
    actions = s.handle(ev.JobDone("w0", done("a")), 2)
    assert [kill.misbehaves for kill in killed(actions)] == [False] and sent(actions) == []
    assert spawned(s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 3)) == [("w0", 2)]
    assert sent(ready(s, now=4)) == [("w0", "b", 1)]
    assert s.workers["w0"].restarts == 0


def test_a_track_in_a_worker_that_others_used_is_tried_again_in_another() -> None:
    s = at_work("a", "b")
    finish(s, "a", 1)
    s.handle(ev.JobStarted("w0", "b", 1), 1)
    s.handle(ev.WorkerSeen("w0", 2 * LIMIT), 2)
    assert saved(s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 3)) == [("b", JobState.QUEUED)]
    s.handle(ev.WorkerSpawned("w0", 2, LIMIT), 3)
    ready(s, now=4)
    s.handle(ev.WorkerSeen("w0", 2 * LIMIT), 5)
    actions = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 6)
    assert saved(actions) == [("b", JobState.FAILED)]
    error = next(a.job.error for a in actions if isinstance(a, ev.Save))
    assert error is not None and error.message.startswith("out of memory")


def test_a_track_that_a_dying_worker_had_not_begun_is_not_charged() -> None:
    s = at_work("a", "b")
    s.handle(ev.JobStarted("w0", "a", 1), 1)
    assert sent(s.handle(ev.JobFailed("w0", "a", 1, FAILED), 2)) == [("w0", "b", 1)]
    assert saved(s.handle(ev.WorkerExited("w0", "exit code 1"), 3)) == [("b", JobState.QUEUED)]
    assert s.active["b"].deaths == 0


@pytest.mark.parametrize("used", [False, True])
def test_a_worker_that_says_it_leaves_gets_no_other_job(used: bool) -> None:
    s = at_work("a", "b", "c")
    if used:
        finish(s, "a", 1)
    name = "b" if used else "a"
    s.handle(ev.JobStarted("w0", name, 1), 1)
    actions = s.handle(ev.JobFailed("w0", name, 1, FAILED, leaves=True), 2)
    assert sent(actions) == []
    ends = saved(actions) + saved(s.handle(ev.WorkerExited("w0", "exit code 1"), 3))
    assert ends == [(name, JobState.QUEUED if used else JobState.FAILED)]
    assert sent(ready(s, now=4)) == [("w0", "b", 2 if used else 1)]


def test_a_model_that_takes_too_much_once_loaded_ends_those_who_wait_for_it() -> None:
    s = scheduler()
    submit(s, "a")
    s.handle(ev.WorkerSpawned("w0", 1, LIMIT), 0)
    (kill,) = killed(s.handle(ev.WorkerSeen("w0", LIMIT + MB), 1))
    assert ready(s, now=1) == []
    actions = s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 2)
    assert saved(actions) == [("a", JobState.FAILED)] and spawned(actions) == []
    error = next(a.job.error for a in actions if isinstance(a, ev.Save))
    assert error is not None and error.name == "MODEL_LOAD_FAILED" and kill.reason in error.message
    assert kill.reason in (s.workers["w0"].reason or "")


def test_only_a_worker_that_comes_further_makes_progress() -> None:
    s = at_work("a")
    for now in range(0, 60, 2):
        s.handle(ev.JobProgressed("w0", "a", 1, 10, 100), now)
        s.handle(ev.WorkerSeen("w0", LOADED), now)
    (kill,) = killed(s.handle(ev.Tick(), 61))
    assert "no progress" in kill.reason


def test_a_worker_speaks_of_its_own_jobs_only() -> None:
    s = scheduler(count=2)
    submit(s, "a", "b")
    ready(s)
    ready(s, "w1")
    assert s.handle(ev.JobFailed("w1", "a", 1, FAILED), 1) == []
    assert s.handle(ev.JobProgressed("w1", "a", 1, 50, 100), 1) == []
    assert s.handle(ev.JobDone("w1", done("a")), 1) == []
    assert isinstance(s.handle(ev.JobDone("w0", done("a")), 2)[0], ev.Adopt)
    assert s.handle(ev.JobDone("w0", done("a")), 3) == []  # its file is being adopted


@pytest.mark.skipif(sys.platform != "linux", reason="the score is Linux's")
@pytest.mark.parametrize(("before", "after"), [(0, 500), (900, 900)])
def test_a_worker_is_never_made_less_likely_to_be_ended(before: int, after: int) -> None:
    code = (
        "from pathlib import Path; from lofi_worker.memory import offer_to_the_kernel\n"
        f"file = Path('/proc/self/oom_score_adj'); file.write_text('{before}')\n"
        "offer_to_the_kernel()\n"
        "print(file.read_text())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (done.stdout.strip(), done.stderr) == (str(after), "")
