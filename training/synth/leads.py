"""Instruments that play melodies: (MIDI pitch, generator) -> float64 [samples] at RATE."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.synth.tones import (
    NYQUIST_MARGIN,
    RATE,
    Sound,
    attack,
    band_noise,
    clock,
    closing,
    frequency,
    noise_burst,
    swell,
)

BLOWN_SECONDS = 1.9
Formant = tuple[float, float, float]  # centre Hz, half width Hz, level


def _resonance(hertz: float, formants: tuple[Formant, ...], floor: float) -> float:
    return floor + sum(level / (1 + ((hertz - centre) / width) ** 2) for centre, width, level in formants)


def _blown(
    pitch: int, t: Sound, bend_cents: Sound, level: Callable[[int, float], float], opening: Sound
) -> Sound:
    """Partials of one bent tone. level(k, Hz): how loud partial k is; the upper ones follow `opening`
    (0 to 1) more steeply.
    """
    hertz = frequency(pitch)
    turn = 2 * np.pi * np.cumsum(hertz * 2 ** (bend_cents / 1200)) / RATE
    out, loudest = np.zeros_like(t), 0.0
    for k in range(1, int(NYQUIST_MARGIN / hertz) + 1):
        amount = level(k, k * hertz)
        loudest = max(loudest, amount)
        out += amount * opening ** (0.4 + 0.35 * (k - 1)) * np.sin(k * turn + 0.618 * 2 * np.pi * k * (k > 1))
    return np.asarray(out / loudest)


def _vibrato(t: Sound, hertz: float, cents: float, begins: float, takes: float) -> Sound:
    return np.asarray(cents * swell(t - begins, takes) * np.sin(2 * np.pi * hertz * (t - begins)))


def flute(pitch: int, rng: np.random.Generator) -> Sound:
    """Few partials, breath in the air above them, a vibrato that sets in late."""
    t = clock(BLOWN_SECONDS)
    shake = _vibrato(t, 5.1, 9.0, 0.3, 0.5)
    tone = _blown(
        pitch, t, shake, lambda k, _: (1.0, 0.3, 0.08, 0.03, 0.01)[k - 1] if k < 6 else 0.0, swell(t, 0.09)
    )
    breath = band_noise(len(t), (2_200, 6_500), rng) * (0.03 + 0.1 * np.exp(-t / 0.05) * swell(t, 0.02))
    return np.asarray((tone * (1 + shake / 110) + breath) * swell(t, 0.05) * closing(t, 0.35))


def trumpet(pitch: int, rng: np.random.Generator) -> Sound:
    """A trumpet behind a Harmon mute: a thin fundamental, two nasal formants, a scoop from below."""
    t = clock(BLOWN_SECONDS)
    bend = -42 * np.exp(-t / 0.05) + _vibrato(t, 5.4, 13.0, 0.35, 0.4)
    formants = ((1_950.0, 420.0, 1.0), (3_500.0, 600.0, 0.5))

    def level(k: int, hertz: float) -> float:
        return float(_resonance(hertz, formants, 0.06) * min(1.0, 0.25 + hertz / 1_500) / k**0.25)

    tone = _blown(pitch, t, bend, level, 0.05 + 0.95 * swell(t, 0.11))
    air = 0.03 * band_noise(len(t), (3_000, 6_500), rng)
    return np.asarray((tone + air) * swell(t, 0.06) * closing(t, 0.25) * np.exp(-t / 4))


def sax(pitch: int, rng: np.random.Generator) -> Sound:
    """A reed that opens with the attack: odd partials first, breath around it, a wide late vibrato."""
    t = clock(BLOWN_SECONDS)
    shake = _vibrato(t, 4.7, 17.0, 0.5, 0.5)
    bend = -18 * np.exp(-t / 0.04) + shake
    formants = ((620.0, 320.0, 1.0), (1_350.0, 350.0, 0.36), (2_700.0, 700.0, 0.28))

    def level(k: int, hertz: float) -> float:
        return float(_resonance(hertz, formants, 0.05) * (0.6 if k % 2 == 0 else 1.0) / k**0.3)

    opening = 0.12 + 0.88 * swell(t, 0.16) * (0.75 + 0.25 * np.exp(-t / 0.7))
    tone = _blown(pitch, t, bend, level, opening) * (1 + shake / 90)
    breath = band_noise(len(t), (1_900, 5_000), rng) * (0.05 + 0.14 * np.exp(-t / 0.06))
    return np.asarray((tone + breath) * swell(t, 0.045) * closing(t, 0.3))


def bell(pitch: int, rng: np.random.Generator) -> Sound:
    """A celesta: a bar whose second partial is a twelfth, a hard short strike above."""
    t, hertz = clock(float(np.interp(pitch, (65, 93), (2.2, 1.6)))), frequency(pitch)
    out = np.sin(2 * np.pi * hertz * t) * np.exp(-t / 0.75)
    for ratio, level, decay in ((3.0, 0.2, 0.25), (4.0, 0.3, 0.4), (6.27, 0.3, 0.1), (8.0, 0.2, 0.12)):
        # Below 1.8 kHz an inharmonic partial would be heard as another note.
        if ratio * hertz < NYQUIST_MARGIN and (ratio == int(ratio) or ratio * hertz > 1_800):
            out += level * np.sin(2 * np.pi * ratio * hertz * t) * np.exp(-t / decay)
    strike = noise_burst(len(t), (3_500, 7_000), 0.004, rng)
    return np.asarray((out + 0.1 * strike) * attack(t, 0.0008) * closing(t, 0.3))


def vibes(pitch: int, rng: np.random.Generator) -> Sound:
    """Tuned bars (1 : 4 : 10) with a motor's tremolo and a soft mallet."""
    t, hertz = clock(2.0), frequency(pitch)
    out = np.sin(2 * np.pi * hertz * t) * np.exp(-t / 1.3)
    for ratio, level, decay in ((4.0, 0.16, 0.35), (10.0, 0.04, 0.06)):
        if ratio * hertz < NYQUIST_MARGIN:
            out += level * np.sin(2 * np.pi * ratio * hertz * t) * np.exp(-t / decay)
    return np.asarray(
        out * (1 - 0.3 * np.sin(2 * np.pi * 5.4 * t) * swell(t, 0.15)) * attack(t, 0.003) * closing(t, 0.4)
    )
