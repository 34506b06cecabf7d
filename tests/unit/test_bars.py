"""Bars by ear: of sounds whose bars are known, and of sounds that have none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.manifest import read_model
from lofi_common.paths import starter_folder
from lofi_worker import bars
from lofi_worker.bars import BarFinder
from lofi_worker.engine import Bar, Engine
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings

RATE = 32_000
CHORDS = ((220.0, 262.0, 330.0), (175.0, 220.0, 262.0), (131.0, 165.0, 196.0), (196.0, 247.0, 294.0))


def bar_of(pcm: NDArray[np.float32], rate: int = RATE) -> Bar | None:
    finder = BarFinder(rate, len(pcm))
    finder.add(pcm)
    return finder.bar()


def band(bpm: float, offset_sec: float, seconds: float, rate: int = RATE) -> NDArray[np.float32]:
    """float32 [samples, 1]: clicks on beats, a low one and another chord on the first beat of each bar."""
    random = np.random.default_rng(round(bpm))
    time = np.arange(round(seconds * rate)) / rate
    beats = (time - offset_sec) * bpm / 60
    sound = np.zeros(len(time))
    for n, chord in enumerate(CHORDS):
        sounds = (beats // 4 % 4 == n) * np.exp(-(beats % 4) / 3)
        sound += 0.05 * sounds * sum(np.sin(2 * np.pi * hertz * time) for hertz in chord)
    since = beats % 1 * 60 / bpm
    sound += 0.1 * np.exp(-since * 90) * random.standard_normal(len(time))
    since = beats % 4 * 60 / bpm
    sound += 0.3 * np.exp(-since * 20) * np.sin(2 * np.pi * 60 * since)
    return sound.astype(np.float32)[:, None]


def check(found: Bar | None, seconds: float, offset_sec: float) -> None:
    assert found is not None and found.seconds == pytest.approx(seconds, rel=5e-4)
    away = (found.offset_sec - offset_sec + seconds / 2) % seconds - seconds / 2
    assert 0 <= found.offset_sec < found.seconds and abs(away) < 0.03


@pytest.mark.parametrize(("bpm", "offset_sec"), [(62, 0.9), (75.5, 0.0), (90, 0.9), (121, 0.4)])
def test_a_band(bpm: float, offset_sec: float) -> None:
    check(bar_of(band(bpm, offset_sec, 20)), 240 / bpm, offset_sec)


@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100, 48_000])
def test_any_rate_and_two_channels(rate: int) -> None:
    sound = np.repeat(band(80, 0.4, 15, rate), 2, axis=1)
    check(bar_of(np.rint(sound * 32767).astype(np.int16), rate), 3.0, 0.4)


def test_pieces_of_any_size_come_to_the_same() -> None:
    sound = band(84, 0.3, 12)
    random = np.random.default_rng(1)
    finder = BarFinder(RATE, len(sound))
    at = 0
    while at < len(sound):
        size = int(random.integers(1, 40_000))
        finder.add(sound[at : at + size])
        at += size
    found, whole = finder.bar(), bar_of(sound)
    assert found is not None and whole is not None
    assert (found.seconds, found.offset_sec) == pytest.approx((whole.seconds, whole.offset_sec), abs=1e-3)


def test_the_end_of_a_long_track_counts() -> None:
    """What was played more than 90 s ago is forgotten, where more comes than was said; the grid holds at the
    end."""
    finder = BarFinder(RATE, RATE)
    for sound in (band(97, 0, 40), band(66, 0, bars.REMEMBERED_SEC + 5)):
        finder.add(sound)
    assert len(finder._onsets) == finder._onsets.maxlen
    check(finder.bar(), 240 / 66, 40.0 % (240 / 66))


def test_what_would_be_forgotten_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars are told from the beginning all the same."""
    monkeypatch.setattr(bars, "REMEMBERED_SEC", 30)
    sound = band(66, 0.9, 44.7)
    finder = BarFinder(RATE, len(sound))
    for piece in np.array_split(sound, 13):
        finder.add(piece)
    assert finder._seen / 100 == pytest.approx(30, abs=0.1)
    check(finder.bar(), 240 / 66, 0.9)


def test_what_has_no_bars() -> None:
    random = np.random.default_rng(3)
    white = 0.1 * random.standard_normal((20 * RATE, 1))
    swelling = (
        white * np.interp(np.arange(len(white)), np.arange(0, len(white), 7_000), random.random(92))[:, None]
    )
    brown = np.cumsum(white, axis=0)
    humming = 0.2 * np.sin(np.arange(20 * RATE) * 0.03)[:, None]
    for sound in (white, swelling, brown / np.abs(brown).max(), humming, 0 * white):
        assert bar_of(sound.astype(np.float32)) is None


def test_what_is_too_short() -> None:
    assert bar_of(band(90, 0, bars.LEAST_SEC - 0.5)) is None
    assert BarFinder(RATE, RATE).bar() is None


@pytest.fixture(scope="module")
def starter() -> Engine:
    return load_engine(read_model(starter_folder()), 1, RunSettings(threads=1))


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [("boom bap beat with piano, 84 bpm", 84), ("soft 808 drums, electric piano, 70 bpm", 70)],
)
def test_tracks_of_the_starter(starter: Engine, prompt: str, bpm: int) -> None:
    """Whose steps are bars: the first begins with the track."""
    starter.start(0, read_model(starter_folder()).job(prompt, 30, 1))
    finder = BarFinder(starter.sample_rate, 30 * starter.sample_rate)
    finished = False
    while not finished:
        (result,) = starter.step()
        if result.audio is not None:
            finder.add(result.audio.T)
        finished = result.finished
    check(finder.bar(), 240 / bpm, 0.0)
