"""The playback at moments that last a blink, or until somebody comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lofi_common import api_playback as kinds
from lofi_common import player_messages as pm
from lofi_common.errors import AudioDeviceError
from tests.unit.playing import NONE, Desk, Scene, World, play, settled


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Scene], World]:
    return lambda scene: play(scene, monkeypatch, tmp_path)


def test_a_track_that_has_just_become_whole_is_ready_to_its_end(run: Any) -> None:
    async def scene(world: World) -> None:
        world.made("a", attempt=1)
        await world.play("a")
        await world.news("a", audio_sec=29.0)
        world.whole("a")
        await world.complete("a", wait=False)  # the radio hears of it now
        assert world.playback.ahead_sec() > 29.0

    run(scene)


def hang_at(kind: type[pm.Order], desk: Desk) -> None:
    """The player hangs at such an order, and is killed for that."""
    ask = desk.ask

    async def hang(order: Any, **params: Any) -> pm.Answer:
        if order is kind:
            desk.playing = desk.next = None
            desk.lost("SIGKILL")
            raise AudioDeviceError("the player did not answer within 15 s")
        return await ask(order, **params)

    desk.ask = hang  # type: ignore[method-assign]


@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("goes_on", ["resume", "toggle"])
def test_a_pause_holds_though_the_player_is_lost_by_it_or_after_it(
    run: Any, hangs: bool, goes_on: str
) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.play("a", "b")
        if hangs:
            hang_at(pm.Pause, world.desk)
        status = await world.playback.pause(NONE)
        if not hangs:
            world.desk.playing = world.desk.next = None
            world.desk.lost("SIGKILL")
        await settled()
        assert (status.state, status.track_id) == ("paused", "a")
        assert (await world.status()).state == "paused" and not await world.playback.is_over()
        assert len(world.desk.took(pm.Play)) == 1
        assert (await getattr(world.playback, goes_on)(NONE)).state == "playing"
        world.desk.over()
        await settled()
        assert (await world.status()).track_id == "b"

    world = run(scene)
    told = [each for each in world.told if each[0] != "paused"]
    assert told == [
        ("started", "a"),
        ("failed", "a"),
        ("waiting", "a"),
        ("resumed", "a"),
        ("started", "a"),
        ("finished", "a"),
        ("started", "b"),
    ]
    assert ("paused", "a") in world.told[world.told.index(("waiting", "a")) :]


def test_a_pause_holds_until_there_is_a_device_again(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        await world.play("a")
        await world.playback.pause(NONE)
        world.desk.playing = None
        world.desk.lost("no device")
        ask = world.desk.ask

        async def refuse(order: Any, **params: Any) -> pm.Answer:
            raise AudioDeviceError("no device")

        world.desk.ask = refuse  # type: ignore[method-assign]
        with pytest.raises(AudioDeviceError):
            await world.playback.resume(NONE)
        assert (await world.status()).state == "paused"
        world.desk.ask = ask  # type: ignore[method-assign]
        assert (await world.playback.resume(NONE)).state == "playing"

    run(scene)


def test_a_player_that_is_lost_with_a_track_that_is_gone_leaves_nothing_to_resume(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        await world.play("a")
        await world.playback.pause(NONE)
        del world.tracks["a"]
        world.desk.playing = None
        world.desk.lost("SIGKILL")
        assert (await world.status()).state == "stopped"

    assert run(scene).told[-1] == ("failed", "a")


def test_a_pause_holds_though_the_player_is_lost_by_what_it_is_told_meanwhile(run: Any) -> None:
    async def scene(world: World) -> None:
        world.made("a", attempt=1)
        await world.play("a")
        await world.news("a", audio_sec=9.0)
        await world.playback.pause(NONE)
        hang_at(pm.Grown, world.desk)
        world.whole("a")
        await world.complete("a")
        assert (await world.status()).state == "paused"
        assert (await world.playback.resume(NONE)).state == "playing"

    assert run(scene).told[-1] == ("started", "a")


def test_a_skip_to_what_the_radio_still_makes_waits_for_it(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.play("a")
        world.playback.hold = True
        for _ in range(2):
            status = await world.playback.skip(NONE)
            assert (status.state, status.track_id, status.skipping) == ("playing", "a", True)
        assert world.playback.ahead_sec() == 0.0  # so that the radio makes haste
        status = await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["b"]))
        assert (status.track_id, status.skipping) == ("b", False)
        assert (await world.playback.previous(NONE)).track_id == "a"
        assert (await world.playback.skip(NONE)).track_id == "b"
        assert (await world.playback.skip(NONE)).skipping
        assert not (await world.playback.previous(NONE)).skipping
        world.playback.hold = False
        assert (await world.playback.skip(NONE)).state == "playing"
        assert (await world.playback.skip(NONE)).state == "stopped"

    run(scene)
