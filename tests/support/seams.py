"""A judge of loops: what an ear meets where the end leads into the beginning, beside what it meets inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal
from numpy.typing import NDArray

WINDOW_SEC = 0.05


@dataclass(frozen=True)
class Judged:
    """Changes from the last 50 ms before a place to the first behind it, in dB; medians of places inside."""

    spectrum: float
    median_spectrum: float
    level: float
    median_level: float
    step: float
    """Between the last sample and the first."""
    largest_step: float
    """Between neighbours inside."""

    @property
    def ok(self) -> bool:
        return (
            self.spectrum <= self.median_spectrum
            and self.level <= self.median_level
            and self.step <= self.largest_step
        )


def judge(audio: NDArray[np.float32], rate: int, places: Sequence[int]) -> Judged:
    """audio [channels, samples]; places: samples inside that the seam is compared with, such as bar lines."""
    round_ = np.concatenate([audio, audio, audio], axis=1)
    window = round(rate * WINDOW_SEC)

    def changes(place: int) -> tuple[float, float]:
        at = audio.shape[1] + place
        before, after = round_[:, at - window : at], round_[:, at : at + window]
        away = np.sqrt(np.mean(np.square(_bands(before, rate) - _bands(after, rate))))
        return float(away), float(abs(_level(before) - _level(after)))

    inside = np.array([changes(place) for place in places])
    spectrum, level = changes(0)
    steps = np.abs(np.diff(audio, axis=1)).max()
    step = np.abs(audio[:, 0] - audio[:, -1]).max()
    medians = np.median(inside, axis=0)
    return Judged(spectrum, float(medians[0]), level, float(medians[1]), float(step), float(steps))


def _level(sound: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.square(sound, dtype=np.float64).mean() + 1e-8))


def _bands(sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """A log-mel spectrum in dB, 24 bands up to 12 kHz, of the mean of the channels."""
    hertz, power = scipy.signal.periodogram(sound.mean(axis=0), rate, "hann", scaling="spectrum")
    mel = 2595 * np.log10(1 + hertz / 700)
    edges = np.linspace(mel[1], min(mel[-1], 2595 * np.log10(1 + 12_000 / 700)), 25)
    which = np.clip(np.searchsorted(edges, mel, "right") - 1, 0, 24)
    bands = [power[which == band].mean() for band in range(24) if (which == band).any()]
    return 10 * np.log10(np.array(bands) + 1e-8)
