"""The broker's hold on the player's process, with real processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path

import psutil
import pytest

from lofi_broker.player_process import PlayerProcess
from lofi_broker.remembered import Remembered
from lofi_common.config import Config
from lofi_common.errors import AudioDeviceError


def players() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # what others have left
            if "lofi_player" in child.cmdline():
                found.append(child)
    return found


@pytest.mark.timeout(20)
def test_one_that_is_closed_while_it_starts_does_not_run_on(tmp_path: Path) -> None:
    def start(work: Coroutine[None, None, None], name: str) -> object:
        return asyncio.ensure_future(work)

    async def scene() -> None:
        kept = Remembered(tmp_path / "player.json", Config().player)
        player = PlayerProcess(Config(), kept, start, lambda report: None, lambda reason: None)
        running = asyncio.ensure_future(player.run())
        await asyncio.sleep(0)
        await player.close()
        with pytest.raises(AudioDeviceError, match="leaves"):
            await running
        assert players() == []

    asyncio.run(scene())
