"""Tracks that go over into each other or into themselves, sample by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common import player_messages as pm
from lofi_player.seams import overlap_sec
from tests.support.player import HELD, RAMP, RATE, Desk, as_heard, noise, sine, write_track

SPLICE = RATE * 30 // 1000


def steepest(samples: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(samples, axis=0)).max())


def level_db(samples: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


@pytest.mark.parametrize(
    ("crossfade", "first", "second", "overlap"),
    [
        (2.0, 30.0, 30.0, 2.0),
        (2.0, 4.0, 30.0, 2.0),  # exactly half of it is not over half
        (2.0, 3.9, 30.0, 0.975),
        (2.0, 30.0, 3.0, 0.75),
        (2.0, 2.0, 30.0, 0.5),
        (2.0, 1.99, 30.0, 0.0),
        (2.0, 30.0, 1.0, 0.0),
        (12.0, 30.0, 20.0, 5.0),
        (12.0, 30.0, 24.0, 12.0),
        (0.0, 30.0, 30.0, 0.0),
        (1.0, 2.0, 2.0, 1.0),
    ],
)
def test_how_long_a_crossfade_is(crossfade: float, first: float, second: float, overlap: float) -> None:
    assert overlap_sec(crossfade, first, second) == overlap


def test_a_crossfade_keeps_power_and_is_as_long_as_it_is(tmp_path: Path) -> None:
    paths = [write_track(tmp_path / f"{seed}.wav", noise(8.0, seed)) for seed in (1, 2, 3)]
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=2.0)
    desk.order(pm.Play, paths[0], number=1)
    desk.order(pm.Next, paths[1], number=2)
    desk.steps(310)  # in the middle of the first crossfade
    assert [type(report).__name__ for report in desk.reports] == ["Started", "Started"]
    desk.order(pm.Next, paths[2], number=3)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == (3 * 8 - 2 * 2) * RATE
    for start in (6, 12):
        for quarter in np.split(sound[start * RATE : (start + 2) * RATE], 4):
            assert level_db(quarter) == pytest.approx(-20.0, abs=0.3)
    first, second, third = (as_heard(path) for path in paths)
    assert np.array_equal(sound[: 6 * RATE], first[: 6 * RATE])
    assert np.array_equal(sound[8 * RATE : 12 * RATE], second[2 * RATE : 6 * RATE])
    assert np.array_equal(sound[14 * RATE :], third[2 * RATE :])
    assert [report.number for report in desk.said(pm.Ended)] == [1, 2, 3]


def test_a_crossfade_clicks_nowhere_and_may_come_late(tmp_path: Path) -> None:
    first = write_track(tmp_path / "a.wav", sine(6.0, 200.0, 0.4))
    second = write_track(tmp_path / "b.wav", sine(6.0, 330.0, 0.4))
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=2.0)
    desk.order(pm.Play, first, number=1)
    desk.steps(275)
    desk.order(pm.Next, second, number=2)  # half a second is left
    desk.steps(50)
    desk.order(pm.SetCrossfade, sec=1.2345)
    desk.order(pm.Next, first, number=3)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == (18 - 0.5 - 1.2345) * RATE
    assert steepest(sound) <= max(steepest(as_heard(first)), steepest(as_heard(second))) * 1.3


def test_a_pause_and_a_stop_within_a_crossfade(tmp_path: Path) -> None:
    paths = [write_track(tmp_path / f"{hertz}.wav", sine(4.0, hertz, 0.3)) for hertz in (200.0, 310.0)]
    undisturbed, desk = Desk(), Desk()
    for each in (undisturbed, desk):
        each.order(pm.SetCrossfade, sec=2.0)
        each.order(pm.Play, paths[0], number=1)
        each.order(pm.Next, paths[1], number=2)
        each.steps(150)
    undisturbed.to_the_end()
    whole, paused_at = undisturbed.sink.sound(), desk.sink.written
    desk.order(pm.Pause)
    desk.order(pm.Resume)
    desk.steps(10)
    assert np.array_equal(desk.sink.sound()[:paused_at], whole[:paused_at])
    after = slice(paused_at + HELD + 2 * RAMP, desk.sink.written)
    assert np.array_equal(desk.sink.sound()[after], whole[after])
    desk.order(pm.Stop)
    assert not desk.sink.sound()[-1].any()
    assert [(end.number, end.how) for end in desk.said(pm.Ended)] == [(1, "finished"), (2, "cut")]


def test_a_seek_within_a_crossfade_leaves_what_was_before(tmp_path: Path) -> None:
    paths = [write_track(tmp_path / f"{seed}.wav", noise(4.0, seed)) for seed in (1, 2)]
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=2.0)
    desk.order(pm.Play, paths[0], number=1)
    desk.order(pm.Next, paths[1], number=2)
    desk.steps(150)
    assert desk.order(pm.Seek, number=1, position_sec=0.5).position_sec == 1.0 - HELD / RATE
    assert desk.order(pm.Seek, number=2, position_sec=0.5).position_sec == 0.5
    written = desk.sink.written
    assert desk.said(pm.Ended) == [pm.Ended(number=1, how="finished")]
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound()[written + RAMP :], as_heard(paths[1])[RATE // 2 + RAMP :])


def test_tracks_of_different_rates_are_not_mixed(tmp_path: Path) -> None:
    first = write_track(tmp_path / "a.wav", sine(5.0))
    second = write_track(tmp_path / "b.wav", sine(5.0, rate=48_000), 48_000)
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=2.0)
    desk.order(pm.Play, first, number=1)
    desk.order(pm.Next, second, number=2)
    desk.to_the_end()
    assert [sink.written for sink in desk.sinks] == [5 * RATE, 5 * 48_000]


def test_joined_tracks_are_one(tmp_path: Path) -> None:
    whole = noise(9.0, 1)
    parts = [write_track(tmp_path / f"{n}.wav", part) for n, part in enumerate(np.split(whole, 3))]
    desk = Desk(volume=0.5)
    desk.order(pm.SetCrossfade, sec=2.0)
    desk.order(pm.Play, parts[0], number=1)
    desk.order(pm.Next, parts[1], number=2, joined=True)
    desk.steps(160)
    desk.order(pm.Next, parts[2], number=3, joined=True)
    desk.to_the_end()
    expected = np.concatenate([as_heard(part) for part in parts]) * np.float32(0.5)
    assert np.array_equal(desk.sink.sound(), expected)


def test_joined_tracks_are_one_also_where_they_are_too_loud(tmp_path: Path) -> None:
    whole = noise(4.0, 1)
    one, *parts = (
        write_track(tmp_path / f"{n}.wav", part) for n, part in enumerate([whole, *np.split(whole, 2)])
    )
    desks = Desk(), Desk()
    desks[0].order(pm.Play, one, number=1, gain_db=20.0)
    desks[1].order(pm.Play, parts[0], number=1, gain_db=20.0)
    desks[1].order(pm.Next, parts[1], number=2, gain_db=20.0, joined=True)
    for desk in desks:
        desk.to_the_end()
    first, second = (desk.sink.sound() for desk in desks)
    assert np.abs(first - second).max() < 1e-6 and np.abs(first).max() > 0.85


def test_a_joined_track_takes_the_gain_over_slowly(tmp_path: Path) -> None:
    path = write_track(tmp_path / "level.wav", np.full(2 * RATE, 0.25, np.float32), subtype="FLOAT")
    desk = Desk()
    desk.order(pm.Play, path, number=1, gain_db=0.0)
    desk.order(pm.Next, path, number=2, gain_db=6.0, joined=True)
    desk.to_the_end()
    sound = desk.sink.sound()[:, 0]
    assert sound[0] == 0.25 and sound[-1] == pytest.approx(0.25 * 10 ** (6 / 20))
    assert steepest(sound) < 1e-4


@pytest.mark.parametrize("hertz", [200.0, 200.3])
def test_a_track_repeats_with_its_exact_length(tmp_path: Path, hertz: float) -> None:
    """At 200 Hz its end fits its beginning: nothing is changed. At 200.3 it would click."""
    path = write_track(tmp_path / "loop.wav", sine(1.0, hertz))
    track = as_heard(path)
    desk = Desk()
    desk.order(pm.Play, path, number=1, repeat=True)
    desk.steps(160)  # 3.2 s
    desk.order(pm.SetRepeat, number=1, on=False)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == 4 * RATE and len(desk.said(pm.Started)) == 1
    other = np.flatnonzero((sound != np.tile(track, (4, 1))).any(axis=1))
    if hertz == 200.0:
        assert len(other) == 0
    else:
        seams = np.array([1, 2, 3])[:, None] * RATE
        assert (np.abs(other - seams).min(axis=0) <= SPLICE // 2).all()
    assert steepest(sound) <= steepest(track) * 1.01 + 0.5 / RAMP


def test_a_hold_goes_round_until_something_comes(tmp_path: Path) -> None:
    path = write_track(tmp_path / "held.wav", sine(4.0, 300.37))
    track = as_heard(path)
    other = write_track(tmp_path / "other.wav", sine(3.0, 200.0))
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=1.0)
    desk.order(pm.Play, path, number=1, hold=(2.0, 3.5))
    desk.steps(375)  # 7.5 s: twice round, in the third one
    desk.order(pm.Next, other, number=2)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == (3.5 + 1.5 + 1.5 + 2.0 + 3.0 - 1.0) * RATE
    assert np.array_equal(sound[: int(3.5 * RATE) - SPLICE], track[: int(3.5 * RATE) - SPLICE])
    for start in (3.5, 5.0):
        part = sound[int(start * RATE) :][: int(1.5 * RATE) - SPLICE]
        assert np.array_equal(part, track[2 * RATE :][: len(part)])
    assert steepest(sound) <= max(steepest(track), steepest(as_heard(other))) * 1.5


@pytest.mark.parametrize(("steps", "rounds"), [(100, 0), (198, 0), (250, 1), (350, 2)])
def test_what_is_joined_waits_for_the_end_of_a_hold(tmp_path: Path, steps: int, rounds: int) -> None:
    """A stream whose next part is late goes round, and then goes on as if it had not been late."""
    parts = [write_track(tmp_path / f"{n}.wav", part) for n, part in enumerate(np.split(noise(8.0, 1), 2))]
    first, second = (as_heard(part) for part in parts)
    desk = Desk()
    desk.order(pm.Play, parts[0], number=1, hold=(2.0, 4.0))
    desk.steps(steps)
    desk.order(pm.Next, parts[1], number=2, joined=True)
    desk.to_the_end()
    sound = desk.sink.sound()
    assert len(sound) == (8 + 2 * rounds) * RATE
    whole = np.concatenate([first[: 2 * RATE], *[first[2 * RATE :]] * (rounds + 1), second])
    other = np.flatnonzero((sound != whole).any(axis=1))
    seams = 4 * RATE + 2 * RATE * np.arange(rounds)
    assert all(((seams - SPLICE <= index) & (index < seams)).any() for index in other)
    assert len(other) <= rounds * SPLICE


def test_a_hold_may_be_set_after_its_place_and_be_taken_away(tmp_path: Path) -> None:
    path = write_track(tmp_path / "held.wav", sine(4.0, 300.0))
    desk = Desk()
    desk.order(pm.Play, path, number=1)
    desk.steps(175)
    desk.order(pm.SetHold, number=1, hold=(0.0, 3.0))
    desk.steps(125)
    assert desk.said(pm.Ended) == [] and desk.sink.written == 6 * RATE - HELD
    desk.order(pm.SetHold, number=1, hold=None)
    desk.order(pm.SetHold, number=7, hold=(1.0, 2.0))  # of one that is over
    desk.to_the_end()
    assert desk.sink.written == 8 * RATE


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_seek_lands_on_the_sample(tmp_path: Path, kind: str) -> None:
    path = write_track(tmp_path / f"x.{kind}", noise(12.0, 1))
    whole = as_heard(path)
    desk = Desk()
    desk.order(pm.Play, path, number=1)
    for sec in (7.3, 2.0005, 11.5):
        desk.steps(5)
        before = desk.sink.written + HELD
        assert desk.order(pm.Seek, number=1, position_sec=sec).position_sec == pytest.approx(sec, abs=1e-4)
        assert desk.sink.written == before + RAMP  # faded out
        desk.steps(5)
        start = desk.sink.sound()[before + RAMP :]
        expected = whole[round(sec * RATE) :][: len(start)]
        assert np.array_equal(start[RAMP:], expected[RAMP:])
        assert np.abs(start[:RAMP]).max() <= np.abs(expected[:RAMP]).max()
    desk.to_the_end()
    assert np.array_equal(desk.sink.sound()[-RATE // 4 :], whole[-RATE // 4 :])


def test_a_seek_beyond_the_end_ends_and_one_while_paused_is_silent(tmp_path: Path) -> None:
    path = write_track(tmp_path / "x.wav", sine(3.0))
    desk = Desk()
    desk.order(pm.Play, path, number=1)
    desk.steps(5)
    desk.order(pm.Pause)
    written = desk.sink.written
    assert desk.order(pm.Seek, number=1, position_sec=2.5).position_sec == 2.5
    assert desk.sink.written == written
    assert desk.order(pm.Seek, number=9, position_sec=1.0).position_sec == 2.5
    desk.order(pm.Resume)
    desk.to_the_end()
    assert desk.sink.written == written + RATE // 2
    desk.order(pm.Play, path, number=2)
    desk.order(pm.Next, path, number=3)
    desk.order(pm.Seek, number=2, position_sec=60.0)
    desk.to_the_end()
    assert [(end.number, end.how) for end in desk.said(pm.Ended)] == [
        (1, "finished"), (2, "finished"), (3, "finished"),
    ]  # fmt: skip


def test_the_position_is_right_after_a_seek_also_before_it_is_heard(tmp_path: Path) -> None:
    path = write_track(tmp_path / "x.wav", sine(9.0))
    desk = Desk(limit=4800)
    desk.order(pm.Play, path, number=1)
    desk.sink.heard = 0
    desk.steps(10)
    assert desk.order(pm.Seek, number=1, position_sec=5.0).position_sec == 5.0
    desk.sink.heard = desk.sink.written
    desk.steps(5)
    desk.sink.heard += 1600
    assert desk.order(pm.SetVolume, volume=1.0).position_sec == 5.05


def test_a_track_may_begin_later_and_softer(tmp_path: Path) -> None:
    path = write_track(tmp_path / "x.wav", noise(3.0, 1))
    desk = Desk()
    desk.order(pm.Play, path, number=1, start_sec=1.0, gain_db=-6.0)
    desk.to_the_end()
    sound, expected = desk.sink.sound(), as_heard(path)[RATE:] * np.float32(10 ** (-6 / 20))
    assert np.array_equal(sound[RAMP:], expected[RAMP:]) and np.abs(sound[0]).max() < 0.001


def test_a_next_is_replaced_and_taken_back(tmp_path: Path) -> None:
    paths = [write_track(tmp_path / f"{n}.wav", sine(1.0, 100.0 * n)) for n in (1, 2, 3)]
    desk = Desk()
    desk.order(pm.Play, paths[0], number=1)
    desk.order(pm.Next, paths[1], number=2)
    desk.order(pm.Next, paths[2], number=3)
    desk.steps(70)
    assert [report.number for report in desk.said(pm.Started)] == [1, 3]
    desk.order(pm.Next, paths[1], number=4)
    desk.order(pm.ClearNext)
    desk.to_the_end()
    assert [report.number for report in desk.said(pm.Ended)] == [1, 3]
    assert np.array_equal(desk.sink.sound(), np.concatenate([as_heard(paths[0]), as_heard(paths[2])]))
