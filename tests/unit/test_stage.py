"""What the player is ordered to do, with tracks that are made at the test's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lofi_common import api_playback as kinds
from lofi_common import player_messages as pm
from lofi_common.jobs import JobState
from tests.unit.playing import NONE, Scene, World, play, settled


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Scene], World]:
    """Play a scene; the world after it."""
    return lambda scene: play(scene, monkeypatch, tmp_path)


def test_a_track_that_is_made_is_heard_while_it_grows_over_two_attempts(run: Any) -> None:
    async def scene(world: World) -> None:
        world.made("a")
        status = await world.play("a")
        assert (status.state, status.track_id, status.duration_sec) == ("waiting", "a", 5.0)
        assert not world.desk.orders and world.playback.is_playing()
        world.made("a", attempt=1)
        await world.news("a", audio_sec=1.5)
        assert (await world.status()).state == "playing"
        assert (await world.status()).ready_sec == 1.5
        world.made("a")  # its worker died
        await world.news("a", audio_sec=1.5)
        world.made("a", attempt=2)
        await world.news("a", audio_sec=0.5)
        world.whole("a", samples=31 * 32_000)
        await world.complete("a")
        status = await world.status()
        assert (status.duration_sec, status.ready_sec) == (31.0, 31.0)
        world.desk.over()

    world = run(scene)
    first, again, whole = world.desk.took(pm.Play, pm.Regrow, pm.Grown)
    assert (first.path, first.growing) == ("/spool/a.1.growing.wav", True)
    assert (again.number, again.path) == (first.number, "/spool/a.2.growing.wav")
    assert (whole.number, whole.samples) == (first.number, 31 * 32_000)
    assert world.told == [("waiting", "a"), ("started", "a"), ("finished", "a")] and world.played == ["a"]


@pytest.mark.parametrize(
    ("state", "why", "words"),
    [
        (JobState.FAILED, "out of memory", "it could not be made: out of memory"),
        (JobState.CANCELLED, "", "its generation was cancelled"),
    ],
)
@pytest.mark.parametrize("attempt", [None, 1])
def test_a_track_that_is_not_made_to_its_end_gives_way_to_the_next(
    run: Any, state: JobState, why: str, words: str, attempt: int | None
) -> None:
    async def scene(world: World) -> None:
        world.made("a", attempt)
        world.whole("b")
        await world.play("a", "b")
        world.ended("a", state, why)
        await world.news("a")
        assert (await world.status()).track_id == "b"

    world = run(scene)
    first = ("waiting", "a") if attempt is None else ("started", "a")
    assert world.told == [first, ("failed", "a"), ("started", "b")] and world.messages == [words]
    assert not [order for order in world.desk.took(pm.Next) if order.path == "a"]


def test_what_comes_next_is_given_as_soon_as_it_has_a_sound(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.made("b")
        await world.play("a", "b")
        assert not world.desk.took(pm.Next)
        world.made("b", attempt=1)
        await world.news("b", audio_sec=1.0)
        world.whole("b")
        await world.news("b")
        world.desk.over()

    world = run(scene)
    (following,), (grown,) = world.desk.took(pm.Next), world.desk.took(pm.Grown)
    assert following.growing and grown.number == following.number
    assert world.told == [("started", "a"), ("finished", "a"), ("started", "b")]


def test_silence_between_two_tracks_is_told_as_waiting(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.made("b")
        await world.play("a", "b")
        world.desk.over()
        await settled()
        status = await world.status()
        assert (status.state, status.track_id, status.index) == ("waiting", "b", 1)
        assert (await world.playback.pause(NONE)).state == "paused"
        world.made("b", attempt=1)
        await world.news("b", audio_sec=1.0)
        assert world.desk.playing is None
        await world.playback.resume(NONE)
        assert (await world.status()).state == "playing"

    world = run(scene)
    last = ["waiting", "paused", "resumed", "started"]
    assert world.told == [("started", "a"), ("finished", "a"), *((what, "b") for what in last)]


@pytest.mark.parametrize("known", [True, False])
def test_a_growing_file_that_has_just_been_moved_is_waited_for(run: Any, known: bool) -> None:
    """It is on its way into the library, which has it not yet."""

    async def scene(world: World) -> None:
        world.made("a", attempt=1)
        world.desk.missing.add("/spool/a.1.growing.wav")
        if known:
            world.growing.clear()
        assert (await world.play("a")).state == "waiting"
        world.whole("a")
        await world.news("a")
        assert (await world.status()).state == "playing"

    assert run(scene).told == [("waiting", "a"), ("started", "a")]


def test_edits_change_what_comes_next_and_nothing_else(run: Any) -> None:
    async def scene(world: World) -> None:
        for name in "abcd":
            world.whole(name)
        await world.play("a", "b")
        await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["c", "d"], index=1))
        await world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=1))
        found = await world.playback.playlist_get(kinds.PlaylistGetParams())
        assert ([item.track_id for item in found.items], found.index, found.count) == (["a", "d", "b"], 0, 3)
        await world.playback.playlist_clear(NONE)
        await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["b"]))
        await world.playback.loop_set(kinds.LoopParams(mode="track"))
        await world.playback.loop_set(kinds.LoopParams(mode="list"))
        world.desk.over()
        await settled()
        assert world.desk.next is not None and world.desk.next.path == "/library/a.wav"

    world = run(scene)
    told = [(type(order).__name__, getattr(order, "path", "")[9:10]) for order in world.desk.orders]
    assert told == [
        ("Play", "a"),
        ("Next", "b"),
        ("Next", "c"),
        ("Next", "d"),
        ("ClearNext", ""),
        ("Next", "b"),
        ("SetRepeat", ""),
        ("ClearNext", ""),
        ("SetRepeat", ""),
        ("Next", "b"),
        ("Next", "a"),
    ]
    assert world.told == [("started", "a"), ("finished", "a"), ("started", "b")]


def test_the_track_that_plays_is_taken_out(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.play("a", "b")
        status = await world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=0))
        assert (status.track_id, status.index, status.count) == ("b", 0, 1)
        assert (await world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=0))).state == "stopped"

    assert run(scene).told == [("started", "a"), ("skipped", "a"), ("started", "b"), ("skipped", "b")]


def test_a_list_may_be_made_before_it_is_played(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["b"]))
        status = await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["a"], index=0))
        assert (status.state, status.count, status.track_id) == ("stopped", 2, None)
        await world.playback.play(kinds.PlayParams())
        assert (await world.status()).count == 2
        await world.playback.previous(NONE)
        await world.playback.skip(NONE)
        await world.playback.previous(NONE)

    assert [told for told in run(scene).told if told[0] == "started"] == [
        ("started", "a"),
        ("started", "b"),
        ("started", "a"),
    ]


def test_an_item_that_begins_while_it_is_taken_out_is_cut(run: Any) -> None:
    async def scene(world: World) -> None:
        for name in "abc":
            world.whole(name)
        await world.play("a", "b", "c")
        edit = asyncio.ensure_future(world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=1)))
        world.desk.over()  # b begins before the order arrives that takes its place
        await edit
        await settled()
        assert (await world.status()).track_id == "c"

    world = run(scene)
    assert world.told[-2:] == [("skipped", "b"), ("started", "c")]


def test_the_loudness_of_each_track_is_brought_to_the_target(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("loud", loudness_lufs=-8.0)
        world.whole("soft", loudness_lufs=-40.0)
        world.made("new", attempt=1)  # as loud, one supposes, as the last of its model
        world.whole("silent", loudness_lufs=None)
        for name in ("loud", "soft", "new", "silent"):
            await world.play(name)

    gains = [order.gain_db for order in run(scene).desk.took(pm.Play)]
    assert gains == [-6.0, 12.0, -6.0, -6.0]


def test_a_radio_that_is_never_silent(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a", bar_sec=2.0, bar_offset_sec=0.5)
        world.made("b", attempt=1)
        await world.play("a")
        world.playback.hold = True
        await settled()
        await world.playback.add_joined("b", "a")
        await world.news("b", audio_sec=10.0)
        assert world.playback.holds() == {"a", "b"}
        assert world.playback.ahead_sec() == pytest.approx(40.0, abs=1.0)
        world.whole("b", loudness_lufs=-10.0, samples=20 * 32_000)
        await world.news("b")
        world.desk.over()
        world.playback.hold = False
        await settled()

    world = run(scene)
    first, following = world.desk.took(pm.Play)[0], world.desk.took(pm.Next)[0]
    held = [(order.number, order.hold) for order in world.desk.took(pm.SetHold)]
    assert held == [
        (first.number, (20.5, 28.5)),  # the last four whole bars
        (following.number, (12.0, 20.0)),  # the last seconds where bars are not known
        (following.number, None),
    ]
    assert following.joined and following.gain_db == first.gain_db
    # Before the player knows where the end is: it may be about to come to it.
    told = [type(order) for order in world.desk.took(pm.SetHold, pm.Grown)]
    assert told == [pm.SetHold, pm.SetHold, pm.Grown, pm.SetHold]


def test_one_track_may_begin_before_the_one_before_it_has_ended(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.play("a", "b")
        first, following = world.desk.playing, world.desk.next
        assert first is not None and following is not None
        world.desk.playing = following
        world.desk.heard(pm.Started(number=following.number, duration_sec=30.0))
        world.desk.heard(pm.Ended(number=first.number, how="finished"))

    assert run(scene).told == [("started", "a"), ("finished", "a"), ("started", "b")]


def test_a_generator_that_falls_behind_is_told(run: Any) -> None:
    async def scene(world: World) -> None:
        world.made("a", attempt=1)
        await world.play("a")
        assert world.desk.playing is not None
        number = world.desk.playing.number
        world.desk.heard(pm.Position(number=number, position_sec=3.0, ready_sec=3.0))
        world.desk.heard(pm.Waiting(number=number))
        status = await world.status()
        assert (status.state, status.position_sec) == ("waiting", 3.0)
        world.desk.heard(pm.GoesOn(number=number))
        assert (await world.status()).state == "playing"

    told = [what for what, _ in run(scene).told]
    assert told == ["started", "position", "waiting", "resumed"]


def test_a_track_that_ends_while_what_follows_it_is_taken_back(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        await world.play("a", "b")
        world.desk.over_with = pm.ClearNext
        await world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=1))
        status = await world.status()
        assert (status.state, status.count) == ("stopped", 0)

    assert run(scene).told == [("started", "a"), ("finished", "a")]


def test_a_track_that_ends_while_what_follows_it_gives_way_to_one_without_sound(run: Any) -> None:
    async def scene(world: World) -> None:
        world.whole("a")
        world.whole("b")
        world.made("c")
        await world.play("a", "b")
        world.desk.over_with = pm.ClearNext
        await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["c"], index=1))
        world.desk.over_with = None
        await settled()
        assert (await world.status()).state == "waiting"
        world.whole("c")
        await world.news("c")
        assert world.desk.next is not None and world.desk.next.path == "/library/b.wav"

    told = [("started", "a"), ("finished", "a"), ("waiting", "c"), ("started", "c")]
    assert run(scene).told == told


@pytest.mark.parametrize("order", ["stop", "skip"])
def test_who_hears_of_the_end_finds_that_nothing_plays(run: Any, order: str) -> None:
    found: list[str] = []

    async def scene(world: World) -> None:
        world.playback.listen(lambda method, params: found.append(world.playback.status().state))
        world.whole("a")
        await world.play("a")
        await getattr(world.playback, order)(NONE)

    run(scene)
    assert found == ["playing", "stopped"]
