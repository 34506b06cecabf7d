"""Finds clicks and clipping: samples that stand out from the milliseconds around them, and flat tops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.judge.pitch import RATE, Audio

# Composed tracks without rain and vinyl stay below 8; a step of 0.1 in the wave makes 8 to 250.
OUTSTANDING = 10.0
LEAST_BEND = 0.01  # second difference of the wave, full scale 1
NEAR, FAR = RATE // 3_000, RATE * 6 // 1_000  # samples left out around the click; how far its surroundings go
FULL_SCALE = 0.999
FLAT_SAMPLES = 4  # equal samples near the track's peak that make a flat top


def clicks(audio: Audio) -> int:
    """Places of a mono track, 32 kHz, where the wave bends much more than 6 ms before and after.

    The beginning of a drum hit bends much too, but goes on doing so. Rain drops and vinyl are clicks by
    nature: judge a track without them.
    """
    bend = np.abs(np.diff(audio.astype(np.float64), 2))
    sums = np.concatenate([[0.0], np.cumsum(bend**2)])
    at = np.flatnonzero(bend > LEAST_BEND)

    def rms(start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.float64]:
        start, stop = np.clip(start, 0, len(bend)), np.clip(stop, 0, len(bend))
        return np.asarray(np.sqrt((sums[stop] - sums[start]).clip(0) / np.maximum(stop - start, 1)))

    around = np.maximum(rms(at - FAR, at - NEAR), rms(at + NEAR + 1, at + FAR))
    found = at[bend[at] > OUTSTANDING * (around + 1e-4)]
    return int((np.diff(found, prepend=-FAR) >= FAR).sum())


def clips(audio: Audio) -> bool:
    """Whether the track reaches full scale or has flat tops below it."""
    peak = float(np.abs(audio).max())
    if peak >= FULL_SCALE:
        return True
    top = (
        (np.abs(audio[1:]) > 0.98 * peak) & (np.abs(np.diff(audio)) < 1e-6)
        if peak > 0.1
        else np.zeros(0, bool)
    )
    run = np.convolve(top, np.ones(FLAT_SAMPLES - 1), "valid") if len(top) >= FLAT_SAMPLES else np.zeros(1)
    return bool(run.max() >= FLAT_SAMPLES - 1)
