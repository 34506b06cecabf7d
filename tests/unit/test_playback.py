"""The broker's list of what is heard, with a player whose reports come at the moments that are rare."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lofi_broker import deck, playback
from lofi_broker.library import track_of
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common import player_messages as pm
from lofi_common.config import Config, PlayerConfig
from lofi_common.errors import AudioDeviceError
from lofi_common.jobs import JobState
from lofi_common.paths import Paths
from tests.unit.scheduling import job

NONE = api.NoParams()

Reports = Callable[[int], list[pm.Report]]
"""What a player says before it answers an order, by the number of the track that was ordered last. It may
raise what the answer is, when that is an error."""


def started_and_over(number: int) -> list[pm.Report]:
    return [pm.Started(number=number, duration_sec=5.0), pm.Ended(number=number, how="finished")]


def started(number: int) -> list[pm.Report]:
    return [pm.Started(number=number, duration_sec=5.0)]


def cut(number: int) -> list[pm.Report]:
    return [pm.Ended(number=number, how="cut")]


def over(number: int) -> list[pm.Report]:
    return [pm.Ended(number=number, how="finished")]


def no_device(number: int) -> list[pm.Report]:
    raise AudioDeviceError("not at this rate")


class Scripted:
    """In the place of the player's process."""

    runs = True
    script: dict[object, Reports]
    unloaded: asyncio.Event

    def __init__(
        self,
        config: object,
        kept: object,
        start: object,
        heard: Callable[[pm.Report], None],
        lost: object,
    ) -> None:
        self.heard = heard
        self._number = 0
        type(self).unloaded = asyncio.Event()

    async def run(self) -> None:
        pass

    async def stop(self) -> None:
        self.unloaded.set()

    async def close(self) -> None:
        pass

    async def ask(self, kind: Callable[..., pm.Order], **params: Any) -> pm.Answer:
        self._number = params.get("number", self._number)
        for report in self.script.get(kind, lambda number: [])(self._number):
            self.heard(report)
        await asyncio.sleep(0)  # as a process would, it lets others have their turn
        return pm.Answer(order=1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr(deck, "PlayerProcess", Scripted)
    return []


def listen(
    told: list[tuple[str, str]],
    tmp_path: Path,
    script: dict[object, Reports],
    idle_unload_sec: float = 300.0,
) -> playback.Playback:
    def publish(method: str, params: api.Result) -> None:
        what = params.reason if isinstance(params, kinds.PlaybackEnded) else method.removeprefix("playback_")
        told.append((what, params.track_id))  # type: ignore[attr-defined]

    def start(work: Coroutine[None, None, None], name: str) -> object:
        return asyncio.ensure_future(work)

    async def played(track_id: str, at: float) -> None:
        assert at > 0

    def find(track_id: str) -> api.Track:
        return track_of(job(track_id), status=JobState.COMPLETE, path=f"/{track_id}.wav")

    Scripted.script = script
    paths = Paths(config=tmp_path, state=tmp_path, data=tmp_path)
    library: Any = SimpleNamespace(find=find, unknown=lambda track_ids: None, played=played)
    config = Config(player=PlayerConfig(idle_unload_sec=idle_unload_sec, loudness_lufs=0))
    jobs = (lambda name: None, lambda name: None)

    async def call(method: str, params: dict[str, object]) -> dict[str, object]:
        raise AssertionError(method)

    return playback.Playback(config, paths, library, jobs, publish, start, call)


def scripted(heard: playback.Playback) -> Scripted:
    player: Any = heard._stage.deck.process
    assert isinstance(player, Scripted)
    return player


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_track_that_ends_while_a_stop_waits_ends_once(told: list[tuple[str, str]], tmp_path: Path) -> None:
    async def scene() -> kinds.PlaybackStatus:
        heard = listen(told, tmp_path, {pm.Play: started_and_over})
        play = heard.play(kinds.PlayParams(track_ids=["a", "b"]))
        _, status = await asyncio.gather(play, heard.stop(NONE))
        await settled()
        await heard.close()
        return status

    assert asyncio.run(scene()).state == "stopped"
    assert told == [("started", "a"), ("finished", "a")]


def test_a_pause_between_two_tracks_holds_the_second(told: list[tuple[str, str]], tmp_path: Path) -> None:
    async def scene() -> kinds.PlaybackStatus:
        script: dict[object, Reports] = {pm.Play: started_and_over, pm.Stop: cut}
        heard = listen(told, tmp_path, script)
        play = heard.play(kinds.PlayParams(track_ids=["a", "b"]))
        _, status = await asyncio.gather(play, heard.pause(NONE))
        assert (status.state, status.track_id) == ("paused", "b")
        await settled()
        script[pm.Play] = started
        status = await heard.resume(NONE)
        await heard.stop(NONE)
        await heard.close()
        return status

    assert asyncio.run(scene()).track_id == "b"
    assert told == [("started", "a"), ("finished", "a"), ("started", "b"), ("stopped", "b")]


@pytest.mark.parametrize("order", [pm.Pause, pm.Resume])
def test_the_last_track_may_end_while_an_order_waits(
    told: list[tuple[str, str]], tmp_path: Path, order: object
) -> None:
    async def scene() -> kinds.PlaybackStatus:
        heard = listen(told, tmp_path, {pm.Play: started, order: over})
        await heard.play(kinds.PlayParams(track_ids=["a"]))
        await heard.pause(NONE)
        status = await heard.resume(NONE)
        assert not heard.is_playing()
        await heard.close()
        return status

    assert asyncio.run(scene()).state == "stopped"
    assert told[-1] == ("finished", "a") and ("resumed", "a") not in told


def test_a_next_track_that_no_device_takes_ends_the_list(told: list[tuple[str, str]], tmp_path: Path) -> None:
    async def scene() -> kinds.PlaybackStatus:
        def over_and_none(number: int) -> list[pm.Report]:
            scripted(heard).heard(pm.Ended(number=1, how="finished"))
            return no_device(number)

        heard = listen(told, tmp_path, {pm.Play: started, pm.Next: over_and_none})
        await heard.play(kinds.PlayParams(track_ids=["a", "b", "c"]))
        await settled()
        status = await heard.playback_status(NONE)
        await heard.close()
        return status

    assert asyncio.run(scene()).state == "stopped"
    assert told == [("started", "a"), ("finished", "a"), ("failed", "b")]


def test_a_skip_to_a_track_that_no_device_takes_stops_and_lets_the_player_go(
    told: list[tuple[str, str]], tmp_path: Path
) -> None:
    async def scene() -> None:
        script: dict[object, Reports] = {pm.Play: started}
        heard = listen(told, tmp_path, script, idle_unload_sec=0.01)
        await heard.play(kinds.PlayParams(track_ids=["a", "b"]))
        await settled()

        def cut_and_none(number: int) -> list[pm.Report]:
            told.append(("asked", "b"))
            scripted(heard).heard(pm.Ended(number=1, how="cut"))
            return no_device(number)

        script[pm.Play] = cut_and_none
        with pytest.raises(AudioDeviceError):
            await heard.skip(NONE)
        status = await heard.playback_status(NONE)
        assert (status.state, status.count) == ("stopped", 0)
        await asyncio.wait_for(Scripted.unloaded.wait(), 5.0)
        await heard.close()

    asyncio.run(scene())
    assert told == [("started", "a"), ("asked", "b"), ("skipped", "a")]
