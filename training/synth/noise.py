"""Loops of what is heard around the music, float64 [samples] at RATE, RMS 1, seamless at their ends.

Every length is a prime of its own: the loops and the music don't come round together.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from training.synth.tones import RATE, Sound, closing, swell

VINYL_SAMPLES = 211_997
RAIN_SAMPLES = 170_003
CAFE_SAMPLES = 352_007
NIGHT_SAMPLES = 288_007
HISS_SAMPLES = 65_537
TALKERS = 16
VOWELS = (  # Hz of the first two formants
    (310, 2_050), (400, 1_900), (550, 1_750), (680, 1_150), (520, 900), (360, 800), (480, 1_400),
)  # fmt: skip
CUPS = 5
CRICKETS = ((4_150.0, 0.52, 1.0), (4_530.0, 0.67, 0.6), (3_720.0, 0.83, 0.45))  # Hz, seconds a chirp, level


def _circular(sound: Sound, band: tuple[float, float], order: int = 1) -> Sound:
    """Band-pass a loop as if it went round for ever."""
    sos = butter(order, band, "bandpass", fs=RATE, output="sos")
    return np.asarray(sosfilt(sos, np.concatenate([sound, sound]))[len(sound) :])


def _at_rms(loop: Sound) -> Sound:
    return np.asarray(loop / np.sqrt(np.mean(loop**2)))


def _put(loop: Sound, sound: Sound, at: int) -> None:
    """Add a sound to a loop, round its end."""
    np.add.at(loop, (at + np.arange(len(sound))) % len(loop), sound)


def _turns(size: int, count: int, phase: float = 0.0) -> Sound:
    """A sine that goes round `count` times in a loop."""
    return np.asarray(np.sin(2 * np.pi * (count * np.arange(size) / size + phase)))


def vinyl_loop(rng: np.random.Generator) -> Sound:
    """Eleven pops a second of very different size over a faint hiss."""
    pops = np.zeros(VINYL_SAMPLES)
    count = VINYL_SAMPLES * 11 // RATE
    sizes = np.minimum(rng.pareto(1.8, count) * 0.025, 0.2) * rng.choice((-1.0, 1.0), count)
    pops[rng.integers(0, VINYL_SAMPLES, count)] = sizes
    return _at_rms(_circular(pops + 0.0006 * rng.standard_normal(VINYL_SAMPLES), (700, 6_500)))


def rain_loop(rng: np.random.Generator) -> Sound:
    """A wash of noise that swells, with single drops."""
    wash = rng.standard_normal(RAIN_SAMPLES)
    drops = np.zeros(RAIN_SAMPLES)
    count = RAIN_SAMPLES * 60 // RATE
    drops[rng.integers(0, RAIN_SAMPLES, count)] = rng.exponential(4.0, count)
    return _at_rms(_circular((wash + drops) * (1 + 0.2 * _turns(RAIN_SAMPLES, 1)), (900, 5_200)))


def _syllable(pitch_hz: float, rng: np.random.Generator) -> Sound:
    """A vowel without meaning: pulses of a throat through two formants, now and then a consonant ahead."""
    t = np.arange(int(rng.uniform(0.09, 0.24) * RATE)) / RATE
    glide = pitch_hz * (1 + rng.uniform(-0.12, 0.08) * t / t[-1])
    turn = 2 * np.pi * np.cumsum(glide) / RATE
    first, second = VOWELS[int(rng.integers(len(VOWELS)))]
    vowel = np.zeros_like(t)
    for k in range(1, int(2_800 / pitch_hz)):
        hertz = k * pitch_hz
        loud = 1 / (1 + ((hertz - first) / 130) ** 2) + 0.35 / (1 + ((hertz - second) / 170) ** 2)
        vowel += (0.02 + loud) / k**0.5 * np.sin(k * turn + rng.random() * 6.28)
    vowel *= swell(t, 0.04) * closing(t, 0.06)
    if rng.random() < 0.35:
        breath = sosfilt(
            butter(1, (2_200, 5_000), "bandpass", fs=RATE, output="sos"), rng.standard_normal(len(t))
        )
        vowel += 0.4 * np.asarray(breath) * np.exp(-t / 0.03) * swell(t, 0.01)
    return vowel


def _cup(rng: np.random.Generator) -> Sound:
    t = np.arange(int(0.3 * RATE)) / RATE
    base = rng.uniform(2_400, 3_300)
    ring = sum(
        level * np.sin(2 * np.pi * base * ratio * t) * np.exp(-t / decay)
        for ratio, level, decay in ((1.0, 1.0, 0.05), (1.59, 0.6, 0.03), (2.43, 0.4, 0.015))
    )
    return np.asarray(ring * swell(t, 0.001))


def cafe_loop(rng: np.random.Generator) -> Sound:
    """A murmur of many voices at other tables, and now and then a cup."""
    loop = np.zeros(CAFE_SAMPLES)
    for _ in range(TALKERS):
        voice, at = float(rng.choice((rng.uniform(95, 140), rng.uniform(165, 230)))), rng.uniform(0, 2)
        distance = rng.uniform(0.4, 1.0)
        while at < CAFE_SAMPLES / RATE:
            for _ in range(int(rng.integers(3, 11))):
                syllable = _syllable(voice * rng.uniform(0.9, 1.15), rng)
                _put(loop, distance * rng.uniform(0.5, 1.0) * syllable, int(at * RATE))
                at += len(syllable) / RATE + rng.uniform(0.0, 0.06)
            at += rng.uniform(0.3, 2.2)
    loop = _circular(_at_rms(loop) + 0.12 * rng.standard_normal(CAFE_SAMPLES), (260, 2_600))
    for _ in range(CUPS):
        _put(loop, rng.uniform(0.6, 1.6) * _cup(rng), int(rng.integers(CAFE_SAMPLES)))
    return _at_rms(loop)


def night_loop(rng: np.random.Generator) -> Sound:
    """Crickets near and far over a soft wind."""
    seconds = NIGHT_SAMPLES / RATE
    loop = np.zeros(NIGHT_SAMPLES)
    for hertz, every, level in CRICKETS:
        count = round(seconds / every)
        for n in range(count):
            at = (n + rng.uniform(-0.08, 0.08)) / count * NIGHT_SAMPLES
            loudness = level * rng.uniform(0.6, 1.0) * (0.65 + 0.35 * np.sin(2 * np.pi * (n / count + level)))
            for pulse in range(int(rng.integers(3, 5))):
                t = np.arange(int(0.016 * RATE)) / RATE
                tone = (
                    np.sin(2 * np.pi * hertz * rng.uniform(0.995, 1.005) * t) * np.sin(np.pi * t / t[-1]) ** 2
                )
                _put(loop, loudness * tone, int(at + pulse * 0.026 * RATE))
    gusts = 1 + 0.4 * _turns(NIGHT_SAMPLES, 2) + 0.3 * _turns(NIGHT_SAMPLES, 5, 0.3)
    wind = _circular(_circular(rng.standard_normal(NIGHT_SAMPLES) * gusts, (220, 420)), (150, 900))
    return _at_rms(_at_rms(loop) + 0.6 * _at_rms(wind))


def hiss_loop(rng: np.random.Generator) -> Sound:
    """The even hiss of a tape."""
    return _at_rms(_circular(rng.standard_normal(HISS_SAMPLES), (1_800, 9_000)))
