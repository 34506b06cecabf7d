"""What the player is told of tracks that continue each other, and what is kept of tracks that were given."""

from __future__ import annotations

from pathlib import Path

import pytest

from lofi_common import api_playback as kinds
from lofi_common import player_messages as pm
from tests.unit.playing import World, play, settled


def test_what_somebody_puts_between_two_segments_is_joined_to_neither(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scene(world: World) -> None:
        for name in "abcdx":
            world.whole(name)
        await world.play("a")
        await world.playback.add_joined("b", "a")
        await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["x"], index=1))
        await world.playback.add_joined("c", "b")
        await world.playback.add_joined("d", "c")
        for _ in range(2):  # x, b
            world.desk.over()
            await settled()
        await world.playback.playlist_remove(kinds.PlaylistRemoveParams(index=3))  # c

    told = [
        (order.path[9:10], order.joined) for order in play(scene, monkeypatch, tmp_path).desk.took(pm.Next)
    ]
    assert told == [("b", True), ("x", False), ("b", False), ("c", True), ("d", False)]


def test_of_what_was_given_only_what_is_heard_or_comes_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Edits give the player one track after the other that never begins."""

    async def scene(world: World) -> None:
        for name in "abc":
            world.whole(name)
        await world.play("a", "b")
        for _ in range(20):
            await world.playback.playlist_add(kinds.PlaylistAddParams(track_ids=["c"], index=1))
        assert len(world.desk.took(pm.Next)) == 21
        assert len(world.playback._stage.deck._given) == 2
        world.desk.over()
        await settled()
        assert (await world.status()).track_id == "c"

    play(scene, monkeypatch, tmp_path)
