"""The playback at moments that last a blink, or until somebody comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.playing import Scene, World, play


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
