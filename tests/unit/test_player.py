"""The player's core: what is heard, sample by sample."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lofi_common import player_messages as pm
from lofi_common.errors import AudioDeviceError, InvalidTrackId
from lofi_player.source import Source
from tests.support.player import RAMP, RATE, Desk, sine, write_track

BLOCK = 640
"""Frames of one step: 20 ms."""


@pytest.fixture
def level(tmp_path: Path) -> Path:
    """Half a second at 0.5, so that what is heard shows the factor itself."""
    return write_track(tmp_path / "level.wav", np.full(RATE // 2, 0.5, np.float32), subtype="FLOAT")


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """Half a second in which every sample has a value of its own."""
    return write_track(
        tmp_path / "counted.wav", np.linspace(0.1, 0.85, RATE // 2, dtype="f4"), subtype="FLOAT"
    )


def test_a_track_at_full_volume_is_heard_as_it_is(counted: Path) -> None:
    desk = Desk()
    assert desk.order(pm.Play, counted, number=1).error is None
    desk.to_the_end()
    expected = Source(str(counted)).read(RATE)
    assert np.array_equal(desk.sink.sound(), expected)
    assert desk.reports == [
        pm.Started(number=1, duration_sec=0.5),
        pm.Ended(number=1, how="finished"),
    ]


def test_tracks_of_a_list_follow_each_other_without_a_gap(counted: Path, level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.order(pm.Next, level, number=2)
    desk.to_the_end()
    expected = [Source(str(path)).read(RATE) for path in (counted, level)]
    assert np.array_equal(desk.sink.sound(), np.concatenate(expected))
    assert [type(report).__name__ for report in desk.reports] == ["Started", "Ended", "Started", "Ended"]


def test_what_comes_too_late_to_follow_begins_at_once(counted: Path, level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.to_the_end()
    desk.order(pm.Next, level, number=2)
    desk.to_the_end()
    assert desk.said(pm.Ended)[-1] == pm.Ended(number=2, how="finished")


@pytest.mark.parametrize("steps", [0, 1, 7, 20])
def test_pausing_and_going_on_loses_and_repeats_no_sample(counted: Path, steps: int) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.steps(steps)
    paused = desk.order(pm.Pause)
    assert paused.position_sec == (steps * BLOCK + RAMP) / RATE
    before = desk.sink.written
    desk.steps(20)
    assert desk.sink.written == before
    desk.order(pm.Resume)
    desk.to_the_end()
    whole = Source(str(counted)).read(RATE)
    factor = desk.sink.sound() / whole
    assert len(factor) == len(whole)
    quiet = np.flatnonzero(factor[:, 0] != 1.0)
    assert (quiet[0], quiet[-1]) == (steps * BLOCK, steps * BLOCK + 2 * RAMP - 2)
    assert np.abs(np.diff(factor[:, 0])).max() < 1.01 / RAMP


def test_pausing_twice_and_stopping_in_a_pause(level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, level, number=1)
    desk.steps(3)
    desk.order(pm.Pause)
    sound = desk.sink.sound()
    desk.order(pm.Pause)
    desk.order(pm.Stop)
    assert np.array_equal(desk.sink.sound(), sound) and desk.said(pm.Ended) == [pm.Ended(number=1, how="cut")]
    assert desk.order(pm.Resume).error is None and desk.order(pm.Stop).error is None
    desk.order(pm.Play, level, number=2)  # from its start, at full volume
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound()[len(sound) :], Source(str(level)).read(RATE))


def test_the_volume_never_jumps_however_it_is_turned(level: Path) -> None:
    desk = Desk(volume=0.3)
    desk.order(pm.Play, level, number=1)
    for volume in (1.0, 0.0, 1.0, 0.2, 0.2, 0.9):
        desk.steps(1)
        desk.order(pm.SetVolume, volume=volume)
        desk.order(pm.SetVolume, volume=1.0 - volume)  # turned back at once
        desk.order(pm.SetVolume, volume=volume)
    desk.to_the_end()
    factor = desk.sink.sound()[:, 0] / np.float32(0.5)
    assert np.abs(np.diff(factor)).max() < 1.01 / RAMP
    assert factor[0] == np.float32(0.3) and factor[-1] == np.float32(0.9)
    assert factor.min() == 0.0 and factor.max() == 1.0


def test_a_stop_fades_out(level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, level, number=1)
    desk.steps(2)
    desk.order(pm.Stop)
    factor = desk.sink.sound()[:, 0] / np.float32(0.5)
    assert len(factor) == 2 * BLOCK + RAMP and factor[-1] == 0.0
    assert np.abs(np.diff(factor)).max() < 1.01 / RAMP


def test_a_track_that_takes_the_place_of_another(level: Path, counted: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, level, number=1)
    desk.order(pm.Next, level, number=2)
    desk.steps(2)
    desk.order(pm.Play, counted, number=3)
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound()[2 * BLOCK + RAMP :], Source(str(counted)).read(RATE))
    assert desk.reports == [
        pm.Started(number=1, duration_sec=0.5),
        pm.Ended(number=1, how="cut"),
        pm.Started(number=3, duration_sec=0.5),
        pm.Ended(number=3, how="finished"),
    ]


def test_positions_are_told_once_a_second_and_are_those_that_are_heard(tmp_path: Path) -> None:
    desk = Desk(limit=4 * BLOCK)
    desk.order(pm.Play, write_track(tmp_path / "long.wav", sine(5)), number=1)
    desk.sink.heard = 0
    while desk.now < 3.5:
        desk.now += 0.01
        desk.sink.heard = min(desk.sink.written, round(desk.now * RATE))
        desk.player.step()
    told = [report.position_sec for report in desk.said(pm.Position)]
    assert told == pytest.approx([1.0, 2.0, 3.0], abs=0.03)


def test_the_end_is_told_when_it_is_heard(counted: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.sink.heard = 0
    desk.steps(100)
    assert desk.sink.written == RATE // 2 and desk.said(pm.Ended) == []
    desk.sink.heard = None
    desk.steps(1)
    assert desk.said(pm.Ended) == [pm.Ended(number=1, how="finished")]


def test_a_device_that_takes_nothing_any_more_is_given_up(level: Path) -> None:
    desk = Desk(limit=BLOCK)
    desk.order(pm.Play, level, number=1)
    desk.sink.heard = 0
    desk.steps(2)
    desk.now = 4.0
    desk.steps(1)
    assert desk.sink.fallen == 0
    desk.now = 6.0
    desk.steps(1)
    assert desk.sink.fallen == 1 and desk.said(pm.DeviceChanged) == [pm.DeviceChanged()]
    desk.now = 10.0
    desk.steps(1)
    desk.now = 12.0
    with pytest.raises(AudioDeviceError, match="5 s"):
        desk.player.step()


def test_a_device_that_has_taken_sound_since_is_left_for_another_once_more(level: Path) -> None:
    desk = Desk(limit=BLOCK)
    desk.order(pm.Play, level, number=1)
    for fallen in (1, 2):
        desk.sink.heard = 0
        desk.steps(2)
        desk.now += 6.0
        desk.steps(1)
        assert desk.sink.fallen == fallen
        desk.sink.heard = desk.sink.written - BLOCK
        desk.steps(1)  # it has begun


def test_orders_do_not_hide_that_a_device_takes_nothing_any_more(level: Path) -> None:
    desk = Desk(limit=BLOCK)
    desk.order(pm.Play, level, number=1)
    desk.sink.heard = 0
    desk.steps(2)
    desk.now = 4.0
    desk.order(pm.SetVolume, volume=0.5)
    desk.now = 6.0
    desk.sink.gone = True
    with pytest.raises(AudioDeviceError, match="none is left"):
        desk.player.step()


def test_orders_to_a_device_that_takes_nothing_pile_nothing_up(level: Path) -> None:
    desk = Desk(limit=BLOCK)
    desk.order(pm.Play, level, number=1)
    desk.sink.heard = 0
    desk.steps(2)
    for number in range(2, 10):
        desk.order(pm.Pause)
        desk.order(pm.Play, level, number=number)
    assert desk.sink.written <= BLOCK + RAMP
    desk.sink.heard = None
    desk.to_the_end()
    factor = desk.sink.sound()[:, 0] / np.float32(0.5)
    assert factor[BLOCK + RAMP - 1] == 0.0 and factor[-1] == 1.0


def test_a_pause_after_the_last_frame_of_all_is_no_pause(counted: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.sink.heard = 0
    desk.steps(100)
    desk.order(pm.Pause)
    desk.sink.heard = None
    desk.steps(3)
    assert desk.said(pm.Ended) == [pm.Ended(number=1, how="finished")]


def test_a_pause_after_the_last_frame_is_one_in_the_next_track(counted: Path, level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, counted, number=1)
    desk.sink.heard = 0
    desk.steps(100)
    desk.order(pm.Next, level, number=2)
    desk.order(pm.Pause)
    written = desk.sink.written
    desk.steps(20)
    assert desk.sink.written == written == RATE // 2 + RAMP
    desk.sink.heard = None
    desk.order(pm.Resume)
    desk.to_the_end()
    assert desk.sink.written == RATE and desk.said(pm.Ended)[-1] == pm.Ended(number=2, how="finished")


def test_in_silence_the_device_rests_until_it_is_needed(level: Path) -> None:
    desk = Desk()
    desk.order(pm.Play, level, number=1)
    desk.steps(2)
    desk.order(pm.Pause)
    wait = desk.player.step()
    assert wait is not None and not desk.sink.resting
    desk.now += wait
    assert desk.player.step() is None and desk.sink.resting
    desk.order(pm.Resume)
    desk.to_the_end()
    assert desk.sink.written == RATE // 2


def test_a_file_of_another_rate_gets_a_sink_of_its_own(level: Path, tmp_path: Path) -> None:
    other = write_track(tmp_path / "other.wav", sine(0.2, rate=48_000), 48_000)
    desk = Desk()
    desk.order(pm.Play, level, number=1)
    desk.order(pm.Next, other, number=2)
    desk.to_the_end()
    assert [sink.sample_rate for sink in desk.sinks] == [RATE, 48_000]
    assert [sink.written for sink in desk.sinks] == [RATE // 2, 9600]
    assert desk.sinks[0].closed


def test_without_a_device_the_answer_says_so(level: Path) -> None:
    def none(sample_rate: int, device: str | None) -> None:
        raise AudioDeviceError("none here")

    desk = Desk()
    desk.player._outlet._open_sink = none  # type: ignore[assignment]
    error = desk.order(pm.Play, level, number=1).error
    assert error is not None and error.name == "AUDIO_DEVICE_ERROR"
    assert desk.player.step() is None and desk.reports == []


def test_a_file_that_breaks_off_fails_and_the_next_one_plays(tmp_path: Path, level: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, RATE).astype(np.float32)
    broken = write_track(tmp_path / "broken.flac", noise)
    damaged = bytearray(broken.read_bytes())
    damaged[len(damaged) // 2 :] = bytes(len(damaged) - len(damaged) // 2)
    broken.write_bytes(damaged)
    desk = Desk()
    desk.order(pm.Play, broken, number=1)
    desk.order(pm.Next, level, number=2)
    desk.to_the_end()
    failed, finished = desk.said(pm.Ended)
    assert (failed.how, finished.how) == ("failed", "finished")
    assert re.search(r"broken.flac is damaged: its sound ends after 0.\d s", failed.message)


@pytest.mark.parametrize("name", ["gone.wav", "text.wav", "empty.ogg"])
def test_what_is_no_track_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "gone.wav":
        path.write_bytes(b"no sound at all" * (name == "text.wav"))
    with pytest.raises(InvalidTrackId, match=name):
        Source(str(path))


def test_mono_is_heard_on_both_sides_and_stereo_as_it_is(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (100, 2)).astype(np.float32)
    mono = write_track(tmp_path / "mono.wav", samples[:, 0], subtype="FLOAT")
    stereo = write_track(tmp_path / "stereo.wav", samples, subtype="FLOAT")
    assert np.array_equal(Source(str(mono)).read(1000), samples[:, [0, 0]])
    assert np.array_equal(Source(str(stereo)).read(1000), samples)


@pytest.mark.parametrize(
    ("name", "most"), [("x.wav", 1 / 32768), ("x.flac", 1 / 32768), ("x.ogg", 0.02), ("x.mp3", 0.02)]
)
def test_every_format_is_decoded_to_the_sample(tmp_path: Path, name: str, most: float) -> None:
    tone = sine(2)
    source = Source(str(write_track(tmp_path / name, tone)))
    heard = np.concatenate([source.read(640) for _ in range(110)])
    assert heard.shape == (2 * RATE, 2) and source.duration_sec == 2.0
    inside = slice(RATE // 10, -RATE // 10)  # an encoder that forgets has its trouble with the two ends
    assert np.abs(heard[:, 0] - tone)[inside].max() <= most
