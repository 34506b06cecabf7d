"""The driver's loop around Ray, with a Ray whose actors answer at once."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

import lofi_batch.ray_cluster as ray_cluster
import lofi_batch.ray_engine as ray_engine
from lofi_batch.engine import Failed, Made, Outcome
from lofi_batch.errors import ClusterUnavailable
from lofi_batch.folder import Folder
from lofi_batch.interrupts import Interrupts
from lofi_batch.manifest import RowError
from lofi_batch.plan import Row
from lofi_batch.ray_messages import Done, Ready, Unloaded, make_of, pack
from lofi_batch.ray_options import RayOptions
from lofi_common.config import Config
from lofi_common.errors import InvalidParams
from lofi_common.paths import find_paths
from tests.unit.batches import row_of


class _Method:
    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer

    def options(self, **_: object) -> _Method:
        return self

    def remote(self, data: bytes) -> _Reference:
        return _Reference(self._answer(data))


class _Reference:
    def __init__(self, answer: bytes) -> None:
        self.answer = answer


class _Actor:
    """Makes every track that it is asked for."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.asked: list[bool] = []
        """Whether it was told to look for the track first."""
        self.new = False
        """It is another process than the one that loaded the model."""
        self.forgotten: list[bool] = []
        """The cluster was left without a goodbye."""
        self.cluster = SimpleNamespace()
        """Of this one actor."""
        self.load, self.make = _Method(self._load), _Method(self._make)

    def _load(self, _: bytes) -> bytes:
        return pack(
            Ready(
                node="n0",
                life="a",
                pid=1,
                model_version="tiny-1",
                device="cpu",
                slots=1,
                rss=1,
                load_sec=0.0,
                fetched=False,
                last_words="",
            )
        )

    def _make(self, order: bytes) -> bytes:
        wanted = make_of(order)
        self.asked.append(wanted.there)
        if self.new:
            self.new = False
            return pack(Unloaded())
        made = self._place / f".made/{wanted.track_id}.{wanted.spec.format}"
        made.parent.mkdir(exist_ok=True)
        made.write_bytes(b"sound")
        return pack(Done(sha256=hashlib.sha256(b"sound").hexdigest(), bytes=5, seconds=0.1))


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Actor:
    made = _Actor(tmp_path)
    ray = SimpleNamespace(
        wait=lambda calls, **_: (calls, []),
        get=lambda call: call.answer,
        exceptions=SimpleNamespace(RayTaskError=_Never, RayError=_Never, RuntimeEnvSetupError=_Never),
    )
    cluster = made.cluster = SimpleNamespace(
        ray=ray,
        is_local=False,
        shown="here",
        room=lambda *_: 1,
        node_ids=lambda: {"n0"},
        answers=lambda: True,
        actor=lambda *_: SimpleNamespace(remote=lambda _: made),
        dismiss=lambda _: None,
        forget=lambda: made.forgotten.append(True),
    )
    monkeypatch.setattr(ray_engine, "connected", lambda _: contextlib.nullcontext(cluster))
    return made


class _Never(Exception):
    pass


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    """The engine's run takes signals for itself."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.getsignal(number) for number in numbers]
    yield Interrupts()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def engine(interrupts: Interrupts, tmp_path: Path, actor: _Actor) -> Iterator[ray_engine.RayEngine]:
    options = RayOptions(
        address="here", actors=1, cores=1, gpus=0.0, slots=1, model=None, model_url=None, retries=1
    )
    settings = find_paths({"LOFI_HOME": str(tmp_path / "home")}), Config()
    where = str(tmp_path), ".made"
    made = ray_engine.RayEngine(options, Folder(tmp_path), where, settings, {}, interrupts, lambda *_: None)
    yield made
    made.close()


def test_a_row_that_can_t_be_taken_to_the_end_is_told_though_it_is_the_last(
    engine: ray_engine.RayEngine, actor: _Actor
) -> None:
    outcomes: list[Outcome] = []
    for group in engine.make([row_of(1), row_of(2)]):
        for each in group:
            if isinstance(each, Made) and each.row.row == 2:
                engine.again(each, RowError(code="FILE_FAILED", message="a folder is in its place"))
                continue
            if isinstance(each, Made):
                engine.taken(each)
            outcomes.append(each)
    first, last = sorted(outcomes, key=lambda each: each.row.row)
    assert isinstance(first, Made)
    assert isinstance(last, Failed) and (last.error.code, last.attempts) == ("FILE_FAILED", 2)
    assert actor.asked == [False, False, True]  # what is there is not made again


def test_rows_that_want_one_track_take_it_in_turn_and_the_last_one_takes_it_away(
    engine: ray_engine.RayEngine, actor: _Actor
) -> None:
    same = [row_of(number, prompt="rain", seed=1) for number in (1, 2, 3)]
    (group,) = _ended(engine, same)
    assert [each.row.row for each in group] == [1, 2, 3]
    assert [each.last for each in group] == [False, False, True]
    assert [each.new for each in group] == [True, False, False] and actor.asked == [False]


def test_what_its_actor_did_not_answer_for_is_looked_for_first(
    engine: ray_engine.RayEngine, actor: _Actor
) -> None:
    """It may have been made all the same."""
    actor.new = True
    ((made,),) = _ended(engine, [row_of(1)])
    assert made.attempts == 1 and actor.asked == [False, True]


def _ended(engine: ray_engine.RayEngine, rows: list[Row]) -> list[list[Made]]:
    """All of them, taken."""
    groups = []
    for group in engine.make(rows):
        made = [each for each in group if isinstance(each, Made)]
        assert len(made) == len(group)
        for each in made:
            engine.taken(each)
        groups.append(made)
    return groups


def test_sigterm_that_ray_takes_for_itself_ends_the_batch_in_order(
    engine: ray_engine.RayEngine, interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does while it starts: it leaves with a code of its own."""

    def connected(_: object) -> NoReturn:
        raise SystemExit(signal.SIGTERM)

    monkeypatch.setattr(ray_engine, "connected", connected)
    with pytest.raises(KeyboardInterrupt):
        next(engine.make([row_of(1)]))
    assert interrupts.received == signal.SIGTERM


def test_a_machine_without_room_says_what_can_be_done(engine: ray_engine.RayEngine, actor: _Actor) -> None:
    actor.cluster.is_local, actor.cluster.room = True, lambda *_: 0
    with pytest.raises(InvalidParams, match=r"no room for an actor of 1 core\n") as told:
        next(engine.make([row_of(1)]))
    assert "--address" in told.value.recovery


def test_a_cluster_whose_cores_others_hold_is_waited_for_in_words(
    engine: ray_engine.RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(engine, "_tell", lambda words, _: told.append(words))
    monkeypatch.setattr(ray_engine, "_START_SEC", -1.0)
    assert [type(each) for group in engine.make([row_of(1), row_of(2)]) for each in group] == [Made, Made]
    assert told == ["here has no actor of 1 core yet (others may have its cores); waiting"]


def test_a_head_that_stays_away_ends_the_batch_before_ray_does(
    engine: ray_engine.RayEngine, actor: _Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(engine, "_tell", lambda words, _: told.append(words))
    monkeypatch.setattr(ray_cluster, "_HEAD_LOOK_SEC", -1.0)
    monkeypatch.setattr(ray_cluster, "_HEAD_SEC", -1.0)
    monkeypatch.setattr(ray_engine, "_GROW_SEC", -1.0)
    rows = engine.make([row_of(number) for number in range(1, 40)])
    assert next(rows)
    actor.cluster.answers = lambda: False
    with pytest.raises(ClusterUnavailable, match="does not answer any more"):
        list(rows)
    assert len(told) == 1 and told[0].startswith("the head of the cluster does not answer; ")
    engine.close()
    assert actor.forgotten == [True]
