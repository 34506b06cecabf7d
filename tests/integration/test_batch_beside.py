"""`lofi-batch` beside others who use the same broker, and rows that ask for the same track."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lofi_batch import local
from lofi_batch.engine import Made, Outcome
from lofi_batch.plan import Defaults, Row, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_client import GenerateParams, GenerationStart, Lofi
from lofi_client.launch import find_broker
from lofi_common.jobs import JobState
from tests.support.batch import Batch, all_there, run, times_made, write_prompts
from tests.support.home import Home


def connect(home: Home) -> Lofi:
    if find_broker(home.paths) is None:
        assert home.lofi("broker", "start").returncode == 0
    return Lofi.connect(name="test", paths=home.paths)


def table(home: Home, *rows: dict[str, Any]) -> Path:
    path = home.root / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("slots", ["1", "4"])
def test_equal_rows_without_the_library_are_made_once_and_none_is_left(home: Home, slots: str) -> None:
    prompts = table(home, *({"prompt": "rain", "seed": 5, "file": f"{n}.wav"} for n in range(7)))
    done = run(
        home, prompts, home.root / "out", "-d", "5", "--no-library", "--retries", "0", "--slots", slots
    )
    assert done.returncode == 0, done.stderr
    all_there(home.root / "out", 7)
    assert list(times_made(home).values()) == [1]
    with connect(home) as lofi:
        assert lofi.stats().tracks == 0


def test_ctrl_c_leaves_a_track_that_somebody_else_asked_for_first(home: Home) -> None:
    home.environ["LOFI_WORKER_SLOTS"] = "2"
    with connect(home) as lofi:
        theirs = lofi.submit(GenerateParams(prompt="slow 60", duration_sec=5, seed=7))
        prompts = table(home, {"prompt": "slow 60", "seed": 7}, {"prompt": "fast"}, {"prompt": "slow 60 too"})
        with Batch(home, prompts, home.root / "out", "-d", "5", "--no-library") as batch:
            assert [row["row"] for row in batch.rows(1)] == [2]
            batch.process.send_signal(signal.SIGINT)
            assert batch.end()[0] == 130
        assert lofi.track(theirs.track_id).status is JobState.GENERATING
        queue = lofi.queue()
        assert queue.current is not None and queue.current.prompt == "slow 60" and queue.pending == []
        lofi.cancel(theirs.track_id)


def test_slots_that_were_refused_are_not_given_back(home: Home) -> None:
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = "9"
    with connect(home) as lofi:
        lofi.worker_slots(4)
        refused = run(home, write_prompts(home.root, "rain"), home.root / "out", "--slots", "64")
        assert refused.returncode == 2 and "has memory for" in refused.stderr
        assert lofi.worker_slots(4).before == 4


def test_slots_of_a_batch_that_goes_on_stay_when_another_ends(home: Home) -> None:
    prompts = write_prompts(home.root, "fast", *(f"slow 60 {number}" for number in range(3)))
    short = table(home, {"prompt": "rain"})
    with connect(home) as lofi, Batch(home, prompts, home.root / "A", "-d", "5", "--slots", "4") as first:
        first.rows(1)
        assert run(home, short, home.root / "B", "-d", "5", "--slots", "4").returncode == 0
        assert lofi.worker_slots(4).before == 4
        first.process.send_signal(signal.SIGINT)
        assert first.end()[0] == 130
        assert lofi.worker_slots().before == 1


class Interrupts:
    """Nobody presses Ctrl-C; says whether that would be heard."""

    heard = False

    def check(self) -> None:
        pass

    @contextmanager
    def allowed(self) -> Iterator[None]:
        self.heard = True
        yield
        self.heard = False


def engine(home: Home, monkeypatch: pytest.MonkeyPatch, slots: int | None = None) -> local.LocalEngine:
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(local, "_LOOK_SEC", 0.05)
    options = local.Options(slots=slots, model=None, retries=0, keep=True)
    return local.LocalEngine(options, {}, Interrupts(), print)  # type: ignore[arg-type]


def rows(*prompts: str) -> list[Row]:
    entries = [Entry(line, Asked(prompt=prompt)) for line, prompt in enumerate(prompts, 1)]
    return make_plan(entries, Defaults(duration_sec=5))[0]


def ended(groups: Iterator[list[Outcome]], engine: local.LocalEngine) -> list[int]:
    return sorted(row for group in groups for row in taken(group, engine))


def taken(group: list[Outcome], engine: local.LocalEngine) -> list[int]:
    for outcome in group:
        assert isinstance(outcome, Made)
        engine.taken(outcome)
    return [outcome.row.row for outcome in group]


def test_slots_that_were_taken_away_are_asked_for_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = engine(home, monkeypatch, slots=3)
    with connect(home) as lofi:
        making = batch.make(rows("fast", *(f"slow 1 {number}" for number in range(4))))
        assert taken(next(making), batch) == [1]
        assert lofi.worker_slots().before == 3
        assert ended(making, batch) == [2, 3, 4, 5]
        assert lofi.worker_slots(5).before == 3
        assert ended(batch.make(rows("more", "slow 0.3 and more")), batch) == [1, 2]
        assert lofi.worker_slots(5).before == 5  # another batch wants more: both get them
    batch.close()


def test_tracks_whose_end_was_not_heard_are_looked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lofi, "next_event", lambda self, timeout_sec: None)
    batch = engine(home, monkeypatch)
    assert ended(batch.make(rows("a", "slow 0.2 b", "c")), batch) == [1, 2, 3]
    batch.close()


def test_a_wait_for_a_full_queue_hears_ctrl_c(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "1"
    batch = engine(home, monkeypatch)
    with connect(home) as lofi:
        theirs = [lofi.submit(GenerateParams(prompt="slow 60", duration_sec=5))]
        while not isinstance(lofi.next_event(30), GenerationStart):
            continue
        theirs.append(lofi.submit(GenerateParams(prompt="slow 60 and waits", duration_sec=5)))
        wait = Lofi.next_event

        def moved(self: Lofi, timeout_sec: float) -> object:
            assert batch._interrupts.heard  # type: ignore[attr-defined]
            for each in theirs:
                lofi.cancel(each.track_id)
            theirs.clear()
            return wait(self, timeout_sec)

        monkeypatch.setattr(Lofi, "next_event", moved)
        assert ended(batch.make(rows("a")), batch) == [1]
    batch.close()
