"""How many tracks a worker makes side by side is changed while the broker runs."""

from __future__ import annotations

from lofi_broker import events as ev
from lofi_broker.memory import cache_bytes, most_slots
from lofi_common.manifest import read_manifest
from lofi_common.paths import starter_folder
from tests.unit.scheduling import done, ready, scheduler, sent, submit


def killed(actions: list[ev.Action]) -> list[tuple[str, bool]]:
    return [(action.worker, action.misbehaves) for action in actions if isinstance(action, ev.Kill)]


def slots(actions: list[ev.Action]) -> list[int]:
    return [action.slots for action in actions if isinstance(action, ev.Spawn)]


def test_a_worker_starts_with_the_slots_of_the_settings_or_those_asked_for_since() -> None:
    assert slots(submit(scheduler(slots=2), "a")) == [2]
    s = scheduler(slots=2)
    assert s.handle(ev.SlotsAsked(5), 0) == []
    assert slots(submit(s, "a")) == [5]


def test_an_idle_worker_is_replaced_before_the_next_job_and_not_before() -> None:
    s = scheduler()
    submit(s, "a")
    ready(s)
    s.handle(ev.JobDone("w0", done("a")), 1)
    assert s.handle(ev.SlotsAsked(3), 2) == []
    assert killed(submit(s, "b", "c", "d", now=3)) == [("w0", False)]
    assert slots(s.handle(ev.WorkerExited("w0", "killed"), 4)) == [3]
    assert [name for _, name, _ in sent(ready(s, slots=3, now=5))] == ["b", "c", "d"]
    assert s.workers["w0"].restarts == 0


def test_a_busy_worker_finishes_what_it_runs_and_takes_nothing_more() -> None:
    s = scheduler(slots=2)
    submit(s, "a")
    ready(s, slots=2)
    assert s.handle(ev.SlotsAsked(1), 1) == []
    assert sent(submit(s, "b", now=2)) == []
    assert killed(s.handle(ev.JobDone("w0", done("a")), 3)) == [("w0", False)]
    assert slots(s.handle(ev.WorkerExited("w0", "killed"), 4)) == [1]
    assert sent(ready(s, now=5)) == [("w0", "b", 1)]


def test_a_worker_that_loads_with_other_slots_than_are_wanted_now_is_replaced() -> None:
    s = scheduler()
    submit(s, "a")
    s.handle(ev.SlotsAsked(4), 1)
    assert killed(ready(s, now=2)) == [("w0", False)]
    assert slots(s.handle(ev.WorkerExited("w0", "killed"), 3)) == [4]


def test_a_worker_that_could_not_load_with_many_slots_does_not_rest_from_few() -> None:
    s = scheduler()
    s.handle(ev.SlotsAsked(8), 0)
    submit(s, "a")
    assert slots(s.handle(ev.WorkerExited("w0", "killed by SIGKILL"), 1)) == []
    assert slots(s.handle(ev.SlotsAsked(1), 1)) == [1]


def test_slots_are_as_many_as_fit_beside_the_weights() -> None:
    manifest = read_manifest(starter_folder()).manifest
    weights = sum(file.bytes for file in manifest.files.values())
    one = cache_bytes(manifest, 1)
    assert most_slots(manifest, weights + 5 * one) == 5
    assert most_slots(manifest, weights + 5 * one - 1) == 4
    assert most_slots(manifest, 0) == 1
