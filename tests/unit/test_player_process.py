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
from lofi_common.config import Config, PlayerConfig
from lofi_common.errors import AudioDeviceError
from lofi_common.player_messages import Pause


def players() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # what others have left
            if "lofi_player" in child.cmdline():
                found.append(child)
    return found


def player_of(folder: Path) -> PlayerProcess:
    def start(work: Coroutine[None, None, None], name: str) -> object:
        return asyncio.ensure_future(work)

    config = Config(player=PlayerConfig(device="null"))
    kept = Remembered(folder / "player.json", config.player)
    return PlayerProcess(config, kept, start, lambda report: None, lambda reason: None)


@pytest.mark.timeout(20)
def test_one_that_is_closed_while_it_starts_does_not_run_on(tmp_path: Path) -> None:
    async def scene() -> None:
        player = player_of(tmp_path)
        running = asyncio.ensure_future(player.run())
        await asyncio.sleep(0)
        await player.close()
        with pytest.raises(AudioDeviceError, match="leaves"):
            await running
        assert players() == []

    asyncio.run(scene())


@pytest.mark.timeout(20)
def test_nobody_waits_for_the_answer_of_one_that_was_closed(tmp_path: Path) -> None:
    async def scene() -> None:
        player = player_of(tmp_path)
        await player.run()
        (process,) = players()
        process.suspend()
        asking = asyncio.ensure_future(player.ask(Pause))
        await asyncio.sleep(0)
        await player.close()
        with pytest.raises(AudioDeviceError, match="the player ended"):
            await asking

    asyncio.run(scene())
