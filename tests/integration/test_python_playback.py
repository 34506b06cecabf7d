"""`Lofi` and `AsyncLofi`: the functions for what plays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from lofi_client import (
    AsyncLofi,
    AudioDeviceError,
    InvalidParams,
    Lofi,
    PlaybackEnded,
    PlaybackStarted,
    PlaybackWaiting,
)
from tests.support.home import Home


@pytest.fixture
def silent(home: Home) -> Iterator[Home]:
    """A home whose broker runs, and whose music is heard nowhere, in real time."""
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    assert home.lofi("broker", "start").returncode == 0
    yield home


def test_a_script_plays_what_it_has_just_asked_for(silent: Home) -> None:
    with Lofi.connect(start=False, paths=silent.paths) as lofi:
        rain = lofi.generate("slow 1.5 rain", duration_sec=5).track_id
        sun = lofi.make("sun", duration_sec=5, priority="high").track_id
        heard = lofi.listen()
        assert lofi.play([rain]).track_id == rain
        assert next(event for event in heard if isinstance(event, PlaybackStarted)).prompt == "slow 1.5 rain"
        assert lofi.add_to_playlist([sun, rain], index=1).count == 3
        assert [item.track_id for item in lofi.playlist().items] == [rain, sun, rain]
        assert lofi.playlist(limit=1, offset=1).items[0].prompt == "sun"
        assert lofi.remove_from_playlist(2).count == 2
        assert lofi.skip().track_id == sun and lofi.previous().track_id == rain
        assert lofi.set_loop("list").loop == "list" and lofi.set_crossfade(0.5).crossfade_sec == 0.5
        assert lofi.toggle().state == "paused" and lofi.seek(0.25).position_sec == 0.25
        assert lofi.clear_playlist().count == 1
        assert lofi.stop().state == "stopped" and lofi.playlist().index is None
        assert any(isinstance(event, PlaybackEnded) for event in heard)
        assert [device.name for device in lofi.audio_devices().devices] == ["null"]
        assert lofi.set_audio_device(None).device is None
        with pytest.raises(AudioDeviceError, match="Gramophone"):
            lofi.set_audio_device("Gramophone")
        with pytest.raises(InvalidParams, match="index"):
            lofi.remove_from_playlist(0)


def test_tasks_move_what_plays_as_scripts_do(silent: Home) -> None:
    async def scene() -> None:
        async with await AsyncLofi.connect(start=False, paths=silent.paths) as lofi:
            generation = await lofi.generate("slow 60", duration_sec=5)
            heard = lofi.listen()
            assert (await lofi.play([generation.track_id])).state == "waiting"
            async for event in heard:
                if isinstance(event, PlaybackWaiting):
                    break
            assert (await lofi.playlist()).items[0].track_id == generation.track_id
            await lofi.cancel(generation.track_id)
            async for event in heard:
                if isinstance(event, PlaybackEnded):
                    assert event.message == "its generation was cancelled"
                    break
            assert (await lofi.playback()).state == "stopped"

    asyncio.run(scene())
