"""Instruments that play chords: (MIDI pitch, generator) -> float64 [samples] at RATE."""

from __future__ import annotations

import numpy as np

from training.synth.tones import (
    NYQUIST_MARGIN,
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

RING_SECONDS = {"low": 4.2, "high": 2.8}  # at pitch 48 and 84: high strings die sooner
PICKUP_OFFSET, PICKUP_GAP = 0.9, 0.75  # of a tine's rest from the pickup's axis and tip, in the widest swings


def _ring(pitch: int) -> Sound:
    low, high = RING_SECONDS["low"], RING_SECONDS["high"]
    return clock(float(np.interp(pitch, (48, 84), (low, high))))


def rhodes(pitch: int, rng: np.random.Generator) -> Sound:
    """A tine that swings past a magnetic pickup: it growls while it swings widely and rings out as a sine.

    The bell of the attack is a multiple of the note by whole octaves, so that it stays in the key.
    """
    t, hertz = _ring(pitch), frequency(pitch)
    decay = 1.9 * (60 / pitch) ** 1.2
    width = float(np.interp(pitch, (45, 60, 84), (1.35, 1.0, 0.45))) * np.exp(-t / decay)
    swing, speed = width * np.sin(2 * np.pi * hertz * t), width * np.cos(2 * np.pi * hertz * t)
    place = (swing + PICKUP_OFFSET) / PICKUP_GAP
    body = place / (1 + place**2) ** 2 * speed
    octaves = max(1, int(np.log2(3_600 / hertz)))
    bell = 0.2 * np.sin(2 * np.pi * hertz * 2**octaves * t) * np.exp(-t / 0.16)
    hammer = noise_burst(len(t), (1_500, 5_000), 0.005, rng)
    return np.asarray((at_peak(body) + bell + 0.05 * hammer) * attack(t, 0.0025) * closing(t, 1.0))


def piano(pitch: int, rng: np.random.Generator) -> Sound:
    """Three stretched strings a little apart, struck at a fifth by felt; they decay fast, then slowly."""
    t, hertz = _ring(pitch), frequency(pitch)
    k = np.arange(1, 23)
    levels = np.exp(-k * hertz / 650) * np.abs(np.sin(np.pi * k / 5.1))
    decay = 1.5 * 2 ** (-(pitch - 60) / 30)
    strings = sum(
        share * partials(pitch, t, levels.tolist(), time, damping, 2.2e-4, (-1.0, 0.0, 1.2))
        for share, time, damping in ((0.7, decay, 0.35), (0.3, 3 * decay, 0.25))
    )
    felt = noise_burst(len(t), (90, 420), 0.012, rng) + 0.4 * noise_burst(len(t), (1_800, 4_000), 0.012, rng)
    return np.asarray((at_peak(np.asarray(strings)) + 0.05 * felt) * attack(t, 0.005) * closing(t, 0.9))


def guitar(pitch: int, rng: np.random.Generator) -> Sound:
    """A nylon string plucked by a fingertip a fifth of the way along it."""
    t, hertz = clock(float(np.interp(pitch, (45, 84), (4.0, 2.6)))), frequency(pitch)
    k = np.arange(1, 25)
    levels = np.abs(np.sin(np.pi * k * 0.2 + 0.03)) / k * np.exp(-k * hertz / 2_600)
    string = partials(pitch, t, levels.tolist(), 1.25 * 2 ** (-(pitch - 60) / 30), 0.42, 4e-5, (-0.6, 0.6))
    tip = noise_burst(len(t), (1_800, 5_500), 0.007, rng)
    return np.asarray((at_peak(string) + 0.07 * tip) * attack(t, 0.0012) * closing(t, 0.6))


def pad(pitch: int, rng: np.random.Generator) -> Sound:
    """Four detuned voices whose upper partials come and go; slow in and out."""
    t = clock(4.2)
    out = np.zeros_like(t)
    for cents in (-8.0, -3.0, 4.0, 9.0):
        hertz = frequency(pitch) * 2 ** (cents / 1200)
        for k in range(1, 11):
            if k * hertz > min(4_500, NYQUIST_MARGIN):
                break
            opening = 1 + 0.6 * np.sin(2 * np.pi * 0.21 * t - 1.2) if k > 2 else 1.0
            out += opening * np.sin(2 * np.pi * (k * hertz * t + rng.random())) / k**1.9
    return np.asarray(out * swell(t, 0.45) * closing(t, 0.9))
