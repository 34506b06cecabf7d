"""The player and a track that is still being written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lofi_common import player_messages as pm
from lofi_common.errors import InvalidTrackId
from lofi_player.growing import GrowingFile
from tests.support.player import HELD, RAMP, RATE, Desk, Growing, sine, write_track

BLOCK = 640


@pytest.fixture
def growing(tmp_path: Path) -> Growing:
    return Growing(tmp_path / "growing.wav", sine(6.0, 307.0))


def play(desk: Desk, growing: Growing, **more: object) -> None:
    assert desk.order(pm.Play, growing.path, number=1, growing=True, **more).error is None


@pytest.mark.parametrize("channels", [1, 2])
def test_while_it_grows_in_time_it_is_heard_as_it_will_be(tmp_path: Path, channels: int) -> None:
    dice = np.random.default_rng(channels)
    whole = dice.uniform(-0.8, 0.8, (3 * RATE, 2)).astype(np.float32)
    growing = Growing(tmp_path / "g.wav", whole if channels == 2 else whole[:, 0], channels)
    desk = Desk()
    growing.grow(RATE)
    play(desk, growing)
    while desk.sink.written + RATE // 2 < len(whole):
        desk.steps(1)
        growing.grow_bytes(int(dice.integers(BLOCK, 6 * BLOCK)) * channels)
    growing.grow(len(whole))
    desk.order(pm.Grown, number=1, samples=len(whole))
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound(), growing.heard())
    assert [type(report).__name__ for report in desk.reports] == ["Started", "Ended"]


def test_it_waits_without_a_click_and_loses_nothing(growing: Growing) -> None:
    dice = np.random.default_rng(1)
    desk = Desk()
    play(desk, growing)
    assert desk.said(pm.Waiting) == [pm.Waiting(number=1)] and desk.sink.written == 0
    while growing.written < len(growing.pcm):
        growing.grow(int(dice.integers(0, RATE // 2)))
        desk.steps(int(dice.integers(0, 40)))
        assert desk.sink.written <= growing.written
    desk.steps(10)
    desk.order(pm.Grown, number=1, samples=len(growing.pcm))
    desk.to_the_end()
    sound, whole = desk.sink.sound()[:, 0], growing.heard()[:, 0]
    waits = len(desk.said(pm.Waiting))
    assert len(sound) == len(whole) and waits > 2
    assert len(desk.said(pm.GoesOn)) == waits
    factor = sound[np.abs(whole) > 0.1] / whole[np.abs(whole) > 0.1]
    assert 0.9 < np.mean(factor == 1.0) < 1.0
    assert np.abs(np.diff(sound)).max() <= np.abs(np.diff(whole)).max() + 0.5 / RAMP


def test_it_begins_with_half_a_second_and_goes_on_with_one_and_a_half(growing: Growing) -> None:
    desk = Desk()
    play(desk, growing)
    for frames, written in ((RATE // 2 - 1, 0), (1, RATE // 2), (RATE * 3 // 2 - 1100, RATE // 2)):
        growing.grow(frames)
        desk.steps(100)
        assert written - 2 * BLOCK < desk.sink.written <= written
    growing.grow(1100)
    desk.steps(200)
    assert desk.sink.written > RATE
    names = [type(report).__name__ for report in desk.reports]
    assert names == ["Started", "Waiting", "GoesOn", "Waiting", "GoesOn", "Waiting"]


def test_the_rest_of_a_whole_file_is_enough_however_short(growing: Growing) -> None:
    desk = Desk()
    growing.grow(RATE)
    play(desk, growing)
    desk.steps(100)
    growing.grow(RATE // 10)
    desk.steps(10)
    assert desk.sink.written < RATE
    desk.order(pm.Grown, number=1, samples=RATE + RATE // 10)
    desk.to_the_end()
    assert desk.sink.written == RATE + RATE // 10 and len(desk.said(pm.Ended)) == 1


def test_another_attempt_goes_on_where_the_first_one_ended(tmp_path: Path, growing: Growing) -> None:
    other = Growing(tmp_path / "second.wav", sine(6.0, 307.0))
    desk = Desk()
    growing.grow(3 * RATE)
    play(desk, growing)
    desk.steps(30)
    other.grow(RATE // 2)
    growing.path.unlink()
    assert desk.order(pm.Regrow, other.path, number=1).error is None
    desk.steps(60)  # beyond what the second one has
    other.grow(len(other.pcm))
    desk.order(pm.Grown, number=1, samples=len(other.pcm))
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound(), other.heard()) and desk.said(pm.Waiting) == []


def test_one_that_is_said_to_be_whole_and_is_not_fails(growing: Growing) -> None:
    desk = Desk()
    growing.grow(RATE)
    play(desk, growing)
    desk.order(pm.Grown, number=1, samples=2 * RATE)
    desk.to_the_end()
    (end,) = desk.said(pm.Ended)
    assert end.how == "failed" and end.message == "growing.wav is damaged: its sound ends after 1.0 s"


def test_a_later_attempt_that_is_still_behind_is_waited_for(tmp_path: Path, growing: Growing) -> None:
    attempts = [growing, *(Growing(tmp_path / f"{n}.wav", sine(6.0, 307.0)) for n in (2, 3))]
    desk = Desk()
    for attempt, frames in zip(attempts, (2 * RATE, RATE, RATE // 2), strict=True):
        attempt.grow(frames)
        if attempt is growing:
            play(desk, growing)
        else:
            desk.order(pm.Regrow, attempt.path, number=1)
    desk.steps(300)
    assert desk.sink.written == pytest.approx(2 * RATE, abs=2 * BLOCK)
    attempts[-1].grow(10 * RATE)
    desk.order(pm.Grown, number=1, samples=6 * RATE)
    desk.to_the_end()
    assert desk.sink.written == 6 * RATE and len(desk.said(pm.Waiting)) == 1


def test_a_seek_beyond_what_has_grown_waits_there(growing: Growing) -> None:
    desk = Desk()
    growing.grow(RATE)
    play(desk, growing)
    desk.steps(5)
    assert desk.order(pm.Seek, number=1, position_sec=4.0).position_sec == 4.0
    written = desk.sink.written
    growing.grow(4 * RATE)
    desk.steps(100)
    assert desk.sink.written == written
    growing.grow(RATE)
    desk.order(pm.Grown, number=1, samples=6 * RATE)
    desk.to_the_end()
    sound, whole = desk.sink.sound(), growing.heard()
    assert np.array_equal(sound[written + RAMP :], whole[4 * RATE + RAMP :])
    assert [type(report).__name__ for report in desk.reports] == ["Started", "Waiting", "GoesOn", "Ended"]


def test_what_lies_ready_is_told(growing: Growing) -> None:
    desk = Desk()
    growing.grow(3 * RATE)
    play(desk, growing)
    desk.now = 1.0
    desk.steps(1)
    assert desk.said(pm.Position) == [pm.Position(number=1, position_sec=0.0, ready_sec=3.0)]


def test_a_pause_while_it_waits_goes_on_as_a_pause(growing: Growing) -> None:
    desk = Desk()
    play(desk, growing)
    desk.order(pm.Pause)
    growing.grow(len(growing.pcm))
    desk.order(pm.Grown, number=1, samples=len(growing.pcm))
    desk.steps(10)
    assert desk.sink.written == 0
    desk.order(pm.Resume)
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound(), growing.heard())


def test_what_follows_and_grows_is_waited_for(tmp_path: Path, growing: Growing) -> None:
    first = write_track(tmp_path / "first.wav", sine(3.0, 200.0))
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=1.0)
    desk.order(pm.Play, first, number=1)
    desk.order(pm.Next, growing.path, number=2, growing=True)
    desk.steps(200)
    assert desk.sink.written == 3 * RATE
    growing.grow(6 * RATE)
    desk.order(pm.Grown, number=2, samples=6 * RATE)
    desk.to_the_end()
    assert desk.sink.written == 9 * RATE
    names = [type(report).__name__ for report in desk.reports]
    assert names == ["Started", "Ended", "Started", "Waiting", "GoesOn", "Ended"]


@pytest.mark.parametrize(("ready", "overlap"), [(2.1, 1.0), (1.9, 0.9), (1.2, 0.2), (0.9, 0.0)])
def test_a_crossfade_into_a_track_that_grows_leaves_it_a_second(
    tmp_path: Path, growing: Growing, ready: float, overlap: float
) -> None:
    first = write_track(tmp_path / "first.wav", sine(3.0, 200.0))
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=1.0)
    desk.order(pm.Play, first, number=1)
    growing.grow(round(ready * RATE))
    desk.order(pm.Next, growing.path, number=2, growing=True)
    desk.steps(152)
    assert desk.said(pm.Waiting) == []
    growing.grow(6 * RATE)
    desk.order(pm.Grown, number=2, samples=6 * RATE)
    desk.to_the_end()
    assert desk.sink.written == pytest.approx((9 - overlap) * RATE, abs=BLOCK)


def test_a_sink_without_a_pace_waits_without_a_fade(growing: Growing) -> None:
    desk = Desk(paced=False)
    play(desk, growing)
    for _ in range(60):
        growing.grow(RATE // 10)
        desk.steps(20)
        assert growing.written - desk.sink.written == HELD
    desk.order(pm.Grown, number=1, samples=6 * RATE)
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound(), growing.heard()) and desk.said(pm.Waiting) == []


@pytest.mark.parametrize(
    "content", [b"", b"RIFF" + bytes(40), b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x03\0\x01\0" + bytes(20)]
)
def test_what_is_no_growing_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(InvalidTrackId, match=r"x\.wav"):
        GrowingFile(str(tmp_path / "x.wav"))


def test_a_growing_file_that_is_gone_is_told(tmp_path: Path) -> None:
    desk = Desk()
    error = desk.order(pm.Play, tmp_path / "gone.wav", number=1, growing=True).error
    assert error is not None and error.name == "INVALID_TRACK_ID"


def test_a_hold_that_is_set_while_it_grows_keeps_it_from_ending(growing: Growing) -> None:
    desk = Desk()
    growing.grow(len(growing.pcm))
    play(desk, growing)
    desk.steps(400)
    desk.order(pm.SetHold, number=1, hold=(4.0, 6.0))
    desk.order(pm.Grown, number=1, samples=len(growing.pcm))
    desk.steps(200)
    assert desk.said(pm.Ended) == [] and desk.sink.written > 6 * RATE
