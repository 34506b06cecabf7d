"""Drum one-shots, float64 [samples] at RATE."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from training.synth.tones import RATE, Sound, attack, clock, noise_burst


def _kick(start: float, end: float, decay: float, rng: np.random.Generator) -> Sound:
    """A sine that falls from `start` to `end` Hz, with a click of the beater."""
    t = clock(0.38)
    sweep = end + (start - end) * np.exp(-t / 0.028)
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-t / decay)
    return np.asarray(body + 0.08 * rng.standard_normal(len(t)) * np.exp(-t / 0.003))


def _snare(rng: np.random.Generator) -> Sound:
    t = clock(0.32)
    return noise_burst(len(t), (350, 6_500), 0.075, rng) * 1.3 + 0.5 * np.sin(2 * np.pi * 188 * t) * np.exp(
        -t / 0.05
    )


def _rim(rng: np.random.Generator) -> Sound:
    """A brushed rim: a short wooden knock and a sweep of the brush."""
    t = clock(0.26)
    knock = (0.6 * np.sin(2 * np.pi * 1_650 * t) + np.sin(2 * np.pi * 790 * t)) * np.exp(-t / 0.014)
    sweep = noise_burst(len(t), (1_200, 6_500), 0.2, rng) * np.sin(np.pi * np.minimum(1, t / 0.2)) ** 1.5
    return np.asarray(knock + 0.9 * sweep)


def _hat(low: float, decay: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = clock(seconds)
    high = sosfilt(butter(3, low, "highpass", fs=RATE, output="sos"), rng.standard_normal(len(t)))
    return np.asarray(high * np.exp(-t / decay) * attack(t, 0.0006))


def drum_sounds(rng: np.random.Generator) -> dict[str, Sound]:
    """Every drum, its peak at 1."""
    sounds = {
        "kick": _kick(150, 48, 0.13, rng),
        "soft_kick": _kick(110, 46, 0.11, rng),
        "snare": _snare(rng),
        "rim": _rim(rng),
        "hat": _hat(6_500, 0.022, 0.16, rng),
        "open_hat": _hat(6_000, 0.1, 0.45, rng),
        "shaker": _hat(4_800, 0.035, 0.2, rng),
    }
    return {name: sound / np.abs(sound).max() for name, sound in sounds.items()}
