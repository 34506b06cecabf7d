"""What the radio does to queue, playback and library, where these refuse."""

from __future__ import annotations

import asyncio
import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest

from lofi_broker import radio_events as ev
from lofi_broker.radio_hands import Hands
from lofi_common.config import Config
from lofi_common.errors import AudioDeviceError, CacheWriteError, InvalidTrackId, LofiError

PIECE = ev.Piece(number=1, prompt="rain", seed=1, duration_sec=30, version="m-1", era=0)


def do(action: ev.Action, broker: Any) -> list[ev.Event]:
    broker.config = Config()
    return asyncio.run(Hands(broker, lambda: None).do_all([action]))


@pytest.mark.parametrize("error", [AudioDeviceError("the player ended"), InvalidTrackId("gone")])
def test_a_player_that_is_lost_while_a_piece_is_dropped_does_not_end_the_broker(error: LofiError) -> None:
    async def drop(track_id: str) -> None:
        raise error

    assert do(ev.Drop("a"), SimpleNamespace(playback=SimpleNamespace(drop=drop))) == [ev.Tick()]


def test_nothing_is_added_behind_what_no_device_takes() -> None:
    async def play(params: object) -> None:
        raise AudioDeviceError("no device")

    broker: Any = SimpleNamespace(config=Config(), playback=SimpleNamespace(play=play))
    events = asyncio.run(Hands(broker, lambda: None).do_all([ev.Play("a"), ev.Add("b", continues="a")]))
    assert events == [ev.Silence("no device"), ev.Tick()]


@pytest.mark.parametrize(
    "error", [CacheWriteError("full"), sqlite3.OperationalError("full"), OSError("gone")]
)
def test_a_disk_that_refuses_to_delete_a_segment_does_not_end_the_broker(error: Exception) -> None:
    async def delete(track_id: str) -> None:
        raise error

    assert do(ev.Delete("a"), SimpleNamespace(library=SimpleNamespace(delete=delete))) == [ev.Tick()]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("full"), PermissionError("not yours")])
def test_a_library_that_cannot_be_looked_into_refuses_a_piece(error: Exception) -> None:
    def find(track_id: str) -> None:
        raise error

    def job(*spec: object) -> Any:
        from tests.unit.scheduling import job

        return job("a").spec

    manifest = SimpleNamespace(longest_sec=lambda: None)
    model = SimpleNamespace(manifest=manifest, job=job)
    broker = SimpleNamespace(
        models=SimpleNamespace(for_job=lambda name: model), library=SimpleNamespace(find=find)
    )
    refused, _ = do(ev.Ask(PIECE), broker)
    assert isinstance(refused, ev.Refused) and str(error) in refused.message and not refused.full


@pytest.mark.parametrize(("segment", "then"), [(True, [ev.Delete("a")]), (False, [])])
def test_a_segment_whose_cancel_came_too_late_is_deleted_once(segment: bool, then: list[ev.Delete]) -> None:
    late = SimpleNamespace(spec=SimpleNamespace(segment=segment))
    broker: Any = SimpleNamespace(
        config=Config(),
        feed=lambda event: None,
        scheduler=SimpleNamespace(active={"a": late}),
    )
    hands = Hands(broker, lambda: None)
    hands.withdraw("a")
    assert hands.ended("other") == [] and hands.ended("a") == then and hands.ended("a") == []
