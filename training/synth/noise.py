"""Loops of vinyl and rain, float64 [samples] at RATE, seamless at their ends."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from training.synth.tones import RATE, Sound

VINYL_SAMPLES = 211_993  # primes: the two loops and the music don't come round together
RAIN_SAMPLES = 170_003


def _circular(sound: Sound, band: tuple[float, float]) -> Sound:
    """Band-pass a loop as if it went round for ever."""
    sos = butter(1, band, "bandpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(sos, np.concatenate([sound, sound]))[len(sound) :])


def vinyl_loop(rng: np.random.Generator) -> Sound:
    """Nine pops a second of very different size over a faint hiss; RMS 1."""
    pops = np.zeros(VINYL_SAMPLES)
    count = VINYL_SAMPLES * 9 // RATE
    sizes = np.minimum(rng.pareto(2.2, count) * 0.02, 0.2) * rng.choice((-1.0, 1.0), count)
    pops[rng.integers(0, VINYL_SAMPLES, count)] = sizes
    loop = _circular(pops + 0.0016 * rng.standard_normal(VINYL_SAMPLES), (700, 6_500))
    return np.asarray(loop / np.sqrt(np.mean(loop**2)))


def rain_loop(rng: np.random.Generator) -> Sound:
    """A wash of noise that swells, with single drops; RMS 1."""
    wash = rng.standard_normal(RAIN_SAMPLES)
    drops = np.zeros(RAIN_SAMPLES)
    count = RAIN_SAMPLES * 60 // RATE
    drops[rng.integers(0, RAIN_SAMPLES, count)] = rng.exponential(4.0, count)
    swell = 1 + 0.2 * np.sin(2 * np.pi * np.arange(RAIN_SAMPLES) / RAIN_SAMPLES)
    loop = _circular((wash + drops) * swell, (500, 5_200))
    return np.asarray(loop / np.sqrt(np.mean(loop**2)))
