"""What every synthesised sound is made of: float64 [samples] at RATE."""

from __future__ import annotations

from collections.abc import Sequence

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


def band_noise(size: int, band: Sequence[float], rng: np.random.Generator, order: int = 1) -> Sound:
    """White noise through a band-pass, RMS 1."""
    sos = butter(order, band, "bandpass", fs=RATE, output="sos")
    noise = sosfilt(sos, rng.standard_normal(size))
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def noise_burst(size: int, band: Sequence[float], decay: float, rng: np.random.Generator) -> Sound:
    """Band-passed noise that dies away with time constant `decay` (seconds)."""
    white = rng.standard_normal(size) * np.exp(-np.arange(size) / RATE / decay)
    return np.asarray(sosfilt(butter(2, band, "bandpass", fs=RATE, output="sos"), white))


def partials(
    pitch: float, t: Sound, levels: Sequence[float], decay: float, damping: float, stretch: float = 0.0,
    detune_cents: Sequence[float] = (0.0,),
) -> Sound:  # fmt: skip
    """A sum of decaying partials. Partial k dies `1 + damping (k - 1)` times as fast as the first.

    Strings lie apart by `detune_cents`, each partial by its own share of it: with equal shares their beats
    would sweep through the spectrum like a phaser.
    """
    base, out = frequency(pitch), np.zeros_like(t)
    for k, level in enumerate(levels, 1):
        hertz = k * base * np.sqrt(1 + stretch * k * k)
        if hertz > NYQUIST_MARGIN:
            break
        fade = np.exp(-t * (1 + damping * (k - 1)) / decay)
        for cents in detune_cents:
            # Golden-ratio phases keep the partials from piling up into a click.
            phase = 2 * np.pi * (0.618 * k if k > 1 else 0.0)
            apart = 2 ** (cents * (0.4 + 1.2 * (0.382 * k * k % 1)) / 1200)
            out += level / len(detune_cents) * fade * np.sin(2 * np.pi * hertz * apart * t + phase)
    return out


def at_peak(sound: Sound) -> Sound:
    """The sound with its largest sample at 1."""
    return np.asarray(sound / np.abs(sound).max())


def attack(t: Sound, seconds: float) -> Sound:
    return 1 - np.exp(-t / seconds)


def swell(t: Sound, seconds: float) -> Sound:
    """From 0 to 1 within `seconds`, smooth at both ends."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(t / seconds, 0, 1)))


def closing(t: Sound, seconds: float) -> Sound:
    """1, then down to 0 within the last `seconds` of `t`."""
    return swell(t[-1] - t, seconds)
