"""Pitched one-shots, float64 [samples] at RATE; an instrument: (MIDI pitch, generator) -> sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

RATE = 32_000
Sound = NDArray[np.float64]
NYQUIST_MARGIN = 7_400.0  # partials above it would fold when the bank is stored at 16 kHz


def frequency(pitch: float) -> float:
    """Hz of a MIDI pitch, A4 = 440 Hz."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def clock(seconds: float) -> Sound:
    return np.arange(int(seconds * RATE)) / RATE


def noise_burst(size: int, band: Sequence[float], decay: float, rng: np.random.Generator) -> Sound:
    """Band-passed noise that dies away with time constant `decay` (seconds)."""
    white = rng.standard_normal(size) * np.exp(-np.arange(size) / RATE / decay)
    return np.asarray(sosfilt(butter(2, band, "bandpass", fs=RATE, output="sos"), white))


def partials(
    pitch: float, t: Sound, levels: Sequence[float], decay: float, damping: float, stretch: float = 0.0,
    detune_cents: Sequence[float] = (0.0,),
) -> Sound:  # fmt: skip
    """A sum of decaying partials. Partial k dies `1 + damping (k - 1)` times as fast as the first."""
    base, out = frequency(pitch), np.zeros_like(t)
    for k, level in enumerate(levels, 1):
        hertz = k * base * np.sqrt(1 + stretch * k * k)
        if hertz > NYQUIST_MARGIN:
            break
        fade = np.exp(-t * (1 + damping * (k - 1)) / decay)
        for cents in detune_cents:
            # Golden-ratio phases keep the partials from piling up into a click.
            phase = 2 * np.pi * (0.618 * k if k > 1 else 0.0)
            out += (
                level / len(detune_cents) * fade * np.sin(2 * np.pi * hertz * 2 ** (cents / 1200) * t + phase)
            )
    return out


def at_peak(sound: Sound) -> Sound:
    """The sound with its largest sample at 1."""
    return np.asarray(sound / np.abs(sound).max())


def attack(t: Sound, seconds: float) -> Sound:
    return 1 - np.exp(-t / seconds)


def rhodes(pitch: int, rng: np.random.Generator) -> Sound:
    """Two-operator FM with a falling index, and a tine that rings shortly above it."""
    t, hertz = clock(2.9), frequency(pitch)
    index = 1.25 * min(1.0, (70 / pitch) ** 1.5) * np.exp(-t / 0.9)
    body = np.sin(2 * np.pi * hertz * t + index * np.sin(2 * np.pi * hertz * t))
    ratio = next(r for r in (12, 8, 5, 3, 2) if r * hertz < NYQUIST_MARGIN)
    tine = 0.12 * np.sin(2 * np.pi * ratio * hertz * t) * np.exp(-t / 0.18)
    return np.asarray((body * np.exp(-t / (2.0 * (60 / pitch) ** 0.9)) + tine) * attack(t, 0.004))


def piano(pitch: int, rng: np.random.Generator) -> Sound:
    """Stretched partials, struck at a seventh of the string; three strings a little apart; a felt hammer."""
    t, k = clock(3.0), np.arange(1, 23)
    levels = 0.68 ** (k - 1) * np.abs(np.sin(np.pi * k / 7.2))
    decay = 2.3 * 2 ** (-(pitch - 60) / 22)
    strings = partials(pitch, t, levels.tolist(), decay, 0.25, stretch=2.2e-4, detune_cents=(-1.3, 0.0, 1.5))
    hammer = noise_burst(len(t), (200, 1_600), 0.014, rng)
    return np.asarray((at_peak(strings) + 0.035 * hammer) * attack(t, 0.003))


def guitar(pitch: int, rng: np.random.Generator) -> Sound:
    """A nylon string plucked a fifth of the way along it."""
    t, k = clock(2.3), np.arange(1, 20)
    levels = np.abs(np.sin(np.pi * k * 0.2 + 0.05)) / k**1.15
    string = partials(pitch, t, levels.tolist(), 1.3 * 2 ** (-(pitch - 60) / 24), 0.5, stretch=4e-5)
    nail = noise_burst(len(t), (900, 4_000), 0.008, rng)
    return np.asarray((at_peak(string) + 0.03 * nail) * attack(t, 0.0015))


def pad(pitch: int, rng: np.random.Generator) -> Sound:
    """Four detuned saws through a gentle slope, slow in and out."""
    t, out = clock(4.3), np.zeros(int(4.3 * RATE))
    for cents in (-8.0, -3.0, 4.0, 9.0):
        hertz = frequency(pitch) * 2 ** (cents / 1200)
        for k in range(1, 10):
            if k * hertz > 5_000:
                break
            out += np.sin(2 * np.pi * (k * hertz * t + rng.random())) / k**1.8
    return np.asarray(out * np.minimum(1, t / 0.5) * np.minimum(1, (4.3 - t) / 0.6))


def flute(pitch: int, rng: np.random.Generator) -> Sound:
    """Few harmonics, a vibrato that sets in late, breath around the note."""
    t, hertz = clock(1.9), frequency(pitch)
    bend = 0.0035 * hertz / (2 * np.pi * 5.1) * np.minimum(1, t / 0.6) * np.sin(2 * np.pi * 5.1 * t)
    phase = 2 * np.pi * (hertz * t + bend)
    tone = np.sin(phase) + 0.28 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)
    breath = sosfilt(
        butter(1, [hertz * 0.9, min(hertz * 2.5, 9_000)], "bandpass", fs=RATE, output="sos"),
        rng.standard_normal(len(t)),
    )
    return np.asarray((tone + 0.09 * breath) * np.minimum(1, t / 0.06) * np.minimum(1, (1.9 - t) / 0.3))


def bell(pitch: int, rng: np.random.Generator) -> Sound:
    """A music box: a bar's first inharmonic partials."""
    t, hertz = clock(1.9), frequency(pitch)
    out = np.sin(2 * np.pi * hertz * t) * np.exp(-t / 0.7)
    for ratio, level, decay in ((2.76, 0.35, 0.3), (5.4, 0.16, 0.12)):
        if ratio * hertz < NYQUIST_MARGIN:
            out += level * np.sin(2 * np.pi * ratio * hertz * t) * np.exp(-t / decay)
    return np.asarray(out * attack(t, 0.001))


def vibes(pitch: int, rng: np.random.Generator) -> Sound:
    """Tuned bars (1 : 4 : 10) with a motor's tremolo."""
    t, hertz = clock(1.9), frequency(pitch)
    out = np.sin(2 * np.pi * hertz * t) * np.exp(-t / 1.0)
    for ratio, level, decay in ((4.0, 0.2, 0.3), (10.0, 0.06, 0.07)):
        if ratio * hertz < NYQUIST_MARGIN:
            out += level * np.sin(2 * np.pi * ratio * hertz * t) * np.exp(-t / decay)
    return np.asarray(out * (1 + 0.2 * np.sin(2 * np.pi * 5.4 * t)) * attack(t, 0.0015))


def sub(pitch: int, rng: np.random.Generator) -> Sound:
    """A sine with a little of its octave, saturated so that small speakers hear it."""
    t, hertz = clock(2.4), frequency(pitch)
    wave = (
        np.sin(2 * np.pi * hertz * t)
        + 0.22 * np.sin(4 * np.pi * hertz * t)
        + 0.06 * np.sin(6 * np.pi * hertz * t)
    )
    return np.asarray(np.tanh(1.3 * wave) * attack(t, 0.006) * np.exp(-t / 2.0))


def upright(pitch: int, rng: np.random.Generator) -> Sound:
    """A thick string plucked near its quarter, with the thud of the finger."""
    t, k = clock(2.0), np.arange(1, 13)
    levels = np.abs(np.sin(np.pi * k * 0.24)) / k**1.35
    string = partials(pitch, t, levels.tolist(), 1.0, 0.45)
    finger = noise_burst(len(t), (80, 900), 0.015, rng)
    return np.asarray((at_peak(string) + 0.12 * finger) * attack(t, 0.004))


Voice = Callable[[int, np.random.Generator], Sound]
VOICES: dict[str, tuple[Voice, int, int]] = {  # function, lowest and highest pitch that is stored
    "rhodes": (rhodes, 48, 80), "piano": (piano, 48, 86), "guitar": (guitar, 48, 81), "pad": (pad, 48, 76),
    "flute": (flute, 64, 84), "bell": (bell, 70, 90), "vibes": (vibes, 64, 86), "sub": (sub, 26, 46),
    "upright": (upright, 26, 46),
}  # fmt: skip
DRY = frozenset({"sub", "upright"})
