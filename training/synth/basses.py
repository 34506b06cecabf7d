"""Basses: (MIDI pitch, generator) -> float64 [samples] at RATE."""

from __future__ import annotations

import numpy as np

from training.synth.tones import (
    Sound,
    at_peak,
    attack,
    clock,
    closing,
    frequency,
    noise_burst,
    partials,
    swell,
)


def sub(pitch: int, rng: np.random.Generator) -> Sound:
    """A sine with a little of its octaves, so that small speakers hear it."""
    t, hertz = clock(2.3), frequency(pitch)
    turn = 2 * np.pi * hertz * t
    soft = np.exp(-t / 0.5)
    wave = np.sin(turn) + (0.14 + 0.16 * soft) * np.sin(2 * turn) + 0.05 * soft * np.sin(4 * turn)
    return np.asarray(wave * attack(t, 0.008) * np.exp(-t / 1.7) * closing(t, 0.6))


def upright(pitch: int, rng: np.random.Generator) -> Sound:
    """A thick string plucked by a finger near its fifth, whose middle speaks a moment late."""
    t, k = clock(2.2), np.arange(1, 15)
    levels = np.abs(np.sin(np.pi * k * 0.2)) / k**0.9 * np.exp(-k * frequency(pitch) / 300)
    string = partials(pitch, t, levels.tolist(), 1.0, 0.2)
    late = partials(pitch, t, [0.0, 0.3, 0.1, 0.12], 0.7, 0.1) * swell(t, 0.12)
    finger = noise_burst(len(t), (500, 2_200), 0.01, rng)
    sound = (at_peak(string) + late + 0.1 * finger) * attack(t, 0.004) * closing(t, 0.4)
    return np.asarray(sound)
