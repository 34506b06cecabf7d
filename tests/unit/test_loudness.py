"""Loudness beside another implementation of the same standard, and in the EBU's own cases."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from lofi_worker.loudness import Meter

RATE = 32_000
Samples = NDArray[np.float32]


def measured(pcm: Samples | NDArray[np.int16], rate: int = RATE) -> Meter:
    meter = Meter(rate, pcm.shape[1])
    meter.add(pcm)
    return meter


def reference(pcm: Samples, rate: int) -> float:
    """By pyloudnorm, with the coefficients of the standard for any rate."""
    return float(pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(pcm.astype(np.float64)))


def noise(rate: int, channels: int, seconds: float, colour: int = 0) -> Samples:
    """White (0) or brown (1) noise that swells from −60 dB to full scale."""
    random = np.random.default_rng(round(rate * seconds) + channels)
    sound = random.standard_normal((round(rate * seconds), channels))
    if colour:
        sound = np.cumsum(sound, axis=0)
        sound -= sound.mean(axis=0)
    sound *= np.geomspace(0.001, 1, len(sound))[:, None] / np.abs(sound).max()
    return sound.astype(np.float32)


def tones(*parts: tuple[float, float], rate: int = 48_000) -> Samples:
    """1 kHz in both channels; parts: peak in dBFS and seconds."""
    level = np.concatenate([np.full(round(rate * seconds), 10 ** (db / 20)) for db, seconds in parts])
    sound = level * np.sin(2 * np.pi * 1000 * np.arange(len(level)) / rate)
    return np.stack([sound, sound], axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("colour", [0, 1])
def test_noise_as_pyloudnorm_measures_it(rate: int, channels: int, colour: int) -> None:
    sound = noise(rate, channels, 7.73, colour)
    # 7.73 s: of more than 7.75 s the reference counts a last block that is not whole.
    assert measured(sound, rate).integrated() == pytest.approx(reference(sound, rate), abs=0.01)


@pytest.mark.parametrize("hertz", [25, 60, 440, 3_000, 12_000])
def test_tones_as_pyloudnorm_measures_them(hertz: int) -> None:
    sound = 0.3 * np.sin(2 * np.pi * hertz * np.arange(3 * RATE) / RATE).astype(np.float32)[:, None]
    assert measured(sound).integrated() == pytest.approx(reference(sound, RATE), abs=0.001)


# EBU Tech 3341, table 1, cases 1 to 5: what a meter shows, to 0.1 LU.
CASES = {
    -23.0: [
        [(-23.0, 20.0)],
        [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ],
    -33.0: [[(-33.0, 20.0)]],
}


@pytest.mark.parametrize(("shown", "parts"), [(shown, parts) for shown in CASES for parts in CASES[shown]])
def test_the_cases_of_the_ebu(shown: float, parts: list[tuple[float, float]]) -> None:
    assert measured(tones(*parts), 48_000).integrated() == pytest.approx(shown, abs=0.1)


@pytest.mark.parametrize("rate", [11_025, 32_000])
def test_pieces_of_any_size_come_to_the_same(rate: int) -> None:
    sound = noise(rate, 2, 5.3)
    random = np.random.default_rng(1)
    pieces, whole = Meter(rate, 2), measured(sound, rate)
    at = 0
    while at < len(sound):
        size = int(random.integers(0, 9_000))
        pieces.add(sound[at : at + size])
        at += size
        pieces.integrated()  # a look changes nothing
    assert (pieces.integrated(), pieces.peak) == (whole.integrated(), whole.peak)


def test_two_channels_are_3_db_louder_than_one() -> None:
    one = noise(RATE, 1, 2)
    mono, both = measured(one).integrated(), measured(np.repeat(one, 2, axis=1)).integrated()
    assert mono is not None and both == pytest.approx(mono + 10 * math.log10(2), abs=1e-4)


def test_whole_numbers_are_floats_of_the_same_size() -> None:
    pcm = np.rint(noise(RATE, 1, 2) * 32767).astype(np.int16)
    whole, real = measured(pcm), measured(pcm.astype(np.float32) / 32768)
    assert (whole.integrated(), whole.peak) == (real.integrated(), real.peak)
    lowest = np.full((100, 1), -32768, np.int16)
    assert measured(lowest).peak == 1.0 and measured(-np.ones((9, 1), np.float32) / 2).peak == 0.5


def test_what_has_no_loudness() -> None:
    for sound in (
        np.zeros((0, 1), np.float32),
        np.zeros((RATE, 2), np.float32),
        noise(RATE, 1, 0.39),
        noise(RATE, 1, 2) * np.float32(1e-4),
    ):
        assert measured(sound).integrated() is None
    assert Meter(RATE, 1).integrated() is None


def test_what_is_shorter_than_a_batch_of_the_filter() -> None:
    for seconds in (0.41, 0.5, 0.73):
        sound = noise(RATE, 1, seconds)
        assert measured(sound).integrated() == pytest.approx(reference(sound, RATE), abs=1e-3)


def test_a_constant_is_not_heard() -> None:
    """What the high-pass takes away is gone in float32, too."""
    quiet = noise(RATE, 1, 3) * np.float32(1e-2)
    beside = np.concatenate([np.full((RATE, 1), 0.5, np.float32), quiet + np.float32(0.5)])
    assert measured(beside)._ended_hops()[-25:] == pytest.approx(
        measured(quiet)._ended_hops()[-25:], rel=0.01
    )
