"""Which pitch classes sound, ten times a second, from the peaks of spectra.

A window of 0.25 s cannot tell semitones below 250 Hz apart, so that a bass note would leak into its
neighbours; the low part is therefore heard through one twice as long. Only peaks count, since the skirts of
loud partials and drums lie between the notes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import stft

RATE = 32_000
FRAMES_PER_SECOND = 10
PARTS = ((70, 300, 16_384), (300, 1_800, 8_192))  # from Hz, to Hz, window in samples
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)

Audio = NDArray[np.float32]
Signal = NDArray[np.float64]


def _peaks(power: Signal) -> Signal:
    """[bins, frames]: at each local maximum over the bins its power and its neighbours', else 0."""
    middle, below, above = power[1:-1], power[:-2], power[2:]
    found = np.zeros_like(power)
    found[1:-1] = np.where((middle >= below) & (middle > above), below + middle + above, 0)
    return found


def chroma(audio: Audio) -> tuple[Signal, Signal]:
    """Share of each pitch class [12, frames] and the energy of each frame, of mono at 32 kHz."""
    hop = RATE // FRAMES_PER_SECOND
    table = np.zeros((12, len(audio) // hop))
    for low, high, size in PARTS:
        hertz, _, spectrum = stft(audio, RATE, nperseg=size, noverlap=size - hop)
        heard = np.flatnonzero((hertz > low) & (hertz <= high))
        power = _peaks(np.abs(spectrum[: heard[-1] + 2]) ** 2)[heard]
        classes = np.round(12 * np.log2(hertz[heard] / 440) + 69).astype(int) % 12
        np.add.at(table, classes, power[:, : table.shape[1]])
    energy = table.sum(axis=0)
    return table / (energy + 1e-12), energy


def scale_share(table: Signal, energy: Signal, classes: frozenset[int]) -> float:
    """Share of the energy that lies in the given pitch classes."""
    mean = (table * energy).sum(axis=1) / (energy.sum() + 1e-12)
    return float(sum(mean[c] for c in classes))


def best_scale_share(table: Signal, energy: Signal) -> float:
    """The share of the major scale that fits best."""
    return max(
        scale_share(table, energy, frozenset((key + i) % 12 for i in MAJOR_SCALE)) for key in range(12)
    )


def likeness(table: Signal, seconds: float) -> float:
    """Mean cosine between each frame's pitch classes and those `seconds` before; nan in too short a track."""
    lag = round(seconds * FRAMES_PER_SECOND)
    if table.shape[1] < lag + 2 * FRAMES_PER_SECOND:
        return float("nan")
    unit = table / np.maximum(np.linalg.norm(table, axis=0, keepdims=True), 1e-9)
    return float((unit[:, lag:] * unit[:, :-lag]).sum(axis=0).mean())
