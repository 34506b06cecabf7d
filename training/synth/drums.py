"""Drum one-shots, float64 [samples] at RATE.

Bodies lie below 70 Hz or die within a few hundredths of a second, and noise begins above the notes of the
chords: a drum must not sound as a pitch beside the key.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from training.synth.tones import RATE, Sound, at_peak, attack, clock, closing, noise_burst, swell

CYMBAL_HZ = (2_053.0, 3_113.0, 3_696.0, 5_228.0, 6_181.0, 8_003.0)  # square waves of an 808's hats


def _low(sound: Sound, hertz: float) -> Sound:
    return np.asarray(sosfilt(butter(2, hertz, "lowpass", fs=RATE, output="sos"), sound))


def _kick(
    start: float,
    end: float,
    falls: float,
    decay: float,
    knock: float,
    seconds: float,
    rng: np.random.Generator,
) -> Sound:
    """A sine that falls from `start` to `end` Hz with time constant `falls`, and the knock of the beater."""
    t = clock(seconds)
    sweep = end + (start - end) * np.exp(-t / falls)
    body = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-t / decay)
    beater = noise_burst(len(t), (1_500, 4_000), 0.004, rng)
    return np.asarray((body + knock * at_peak(beater)) * attack(t, 0.0008) * closing(t, 0.04))


def _snare(brightness: float, body: float, decay: float, rng: np.random.Generator) -> Sound:
    """A short skin and the wires under it, up to `brightness` Hz."""
    t = clock(0.34)
    wires = _low(noise_burst(len(t), (1_500, 11_000), decay, rng), brightness)
    skin = np.sin(2 * np.pi * np.cumsum(175 + 90 * np.exp(-t / 0.01)) / RATE) * np.exp(-t / 0.022)
    return np.asarray((at_peak(wires) + body * skin) * attack(t, 0.0006) * closing(t, 0.05))


def _dust(sound: Sound) -> Sound:
    """As an old sampler would have it: few bits at 16 kHz, dull above."""
    held = np.repeat(sound[::2], 2)[: len(sound)]
    return _low(np.round(held / np.abs(held).max() * 40) / 40, 7_500) * closing(
        np.arange(len(sound)) / RATE, 0.03
    )


def _tap(brightness: float, rng: np.random.Generator) -> Sound:
    """A brush that falls on the skin."""
    t = clock(0.24)
    wires = _low(noise_burst(len(t), (1_300, 9_000), 0.035, rng), brightness)
    return np.asarray(at_peak(wires) * attack(t, 0.002) * closing(t, 0.05))


def _swish(seconds: float, low: float, rng: np.random.Generator) -> Sound:
    """A brush drawn over the skin: noise that swells and goes, brightest in its middle."""
    t = clock(seconds)
    stroke = np.sin(np.pi * np.minimum(1, t / (0.92 * seconds))) ** 2
    return at_peak(noise_burst(len(t), (low, 8_000), 60.0, rng) * stroke)


def _clap(rng: np.random.Generator) -> Sound:
    """Three hands almost together, and a rim under them."""
    t = clock(0.3)
    strikes = sum(np.exp(-np.maximum(0, t - at) / 0.006) * (t >= at) for at in (0.0, 0.011, 0.021))
    tail = 0.6 * np.exp(-np.maximum(0, t - 0.028) / 0.07) * (t >= 0.028)
    hands = noise_burst(len(t), (1_300, 6_500), 60.0, rng) * (strikes + tail)
    return np.asarray((at_peak(hands) + 0.35 * _rim(len(t))) * attack(t, 0.0008) * closing(t, 0.05))


def _rim(size: int) -> Sound:
    t = np.arange(size) / RATE
    return np.asarray(
        (np.sin(2 * np.pi * 2_370 * t) + 0.5 * np.sin(2 * np.pi * 1_905 * t)) * np.exp(-t / 0.009)
    )


def _hat(low: float, decay: float, seconds: float, rng: np.random.Generator) -> Sound:
    t = clock(seconds)
    high = sosfilt(butter(3, low, "highpass", fs=RATE, output="sos"), rng.standard_normal(len(t)))
    return np.asarray(high * np.exp(-t / decay) * attack(t, 0.0006) * closing(t, 0.03))


def _electric_hat(decay: float, seconds: float) -> Sound:
    """Six square waves that fit no scale, all but their tops filtered away."""
    t = clock(seconds)
    squares = sum(np.sign(np.sin(2 * np.pi * hertz * t + hertz)) for hertz in CYMBAL_HZ)
    high = sosfilt(butter(4, 7_200, "highpass", fs=RATE, output="sos"), np.asarray(squares))
    return np.asarray(high * np.exp(-t / decay) * attack(t, 0.0006) * closing(t, 0.03))


def drum_sounds(rng: np.random.Generator) -> dict[str, Sound]:
    """Every drum, its peak at 1."""
    t = clock(0.24)
    sounds = {
        "dusty_kick": _dust(_kick(120, 50, 0.018, 0.11, 0.18, 0.36, rng)),
        "dusty_snare": _dust(_snare(8_500, 0.5, 0.075, rng)),
        "dusty_ghost": _dust(_snare(3_400, 0.25, 0.045, rng)),
        "dusty_hat": _hat(6_300, 0.024, 0.16, rng),
        "dusty_open": _hat(5_800, 0.11, 0.45, rng),
        "feather_kick": _kick(78, 47, 0.03, 0.1, 0.04, 0.34, rng),
        "brush_slap": at_peak(_tap(8_000, rng)) + 0.5 * _swish(0.24, 1_800, rng) * swell(t, 0.05),
        "brush_tap": _tap(3_600, rng),
        "brush_short": _swish(0.17, 2_800, rng),
        "brush_long": _swish(0.4, 2_200, rng),
        "long_kick": _kick(92, 46, 0.022, 0.3, 0.05, 0.85, rng),
        "clap": _clap(rng),
        "rim": _rim(int(0.1 * RATE)) * attack(clock(0.1), 0.0008),
        "tight_hat": _electric_hat(0.016, 0.12),
        "electric_open": _electric_hat(0.12, 0.45),
    }
    return {name: at_peak(sound) for name, sound in sounds.items()}
