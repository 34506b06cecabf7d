"""Packs one-shots into one int8 array that the codec graph reads sample by sample.

A sound is stored with its decay taken out (times exp(rate * age)), so that eight bits serve its tail as
well as its attack; the graph multiplies by exp(-rate * age). Rate and scale belong to a family (an
instrument, a drum).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, oaconvolve, resample_poly, sosfilt

from training.synth.basses import sub, upright
from training.synth.drums import drum_sounds
from training.synth.keys import guitar, pad, piano, rhodes
from training.synth.leads import bell, flute, sax, trumpet, vibes
from training.synth.noise import cafe_loop, hiss_loop, night_loop, rain_loop, vinyl_loop
from training.synth.tones import RATE, Sound

BANK_RATE = 16_000  # of pitched sounds; drums keep 32 kHz
SEED = 7
FADE_SECONDS = 0.06
LOUDNESS = 0.1  # RMS of the first half second of each pitched one-shot
REVERB_LEVEL = 0.3
MOST_GROWTH = 1.3  # of the peak, by taking the decay out: more would cost the attack its bits

Voice = Callable[[int, np.random.Generator], Sound]
# Function, lowest and highest pitch that is stored: what scores can ask for in any key, as far as it is
# worth its place; notes outside are moved by octaves.
VOICES: dict[str, tuple[Voice, int, int]] = {
    "rhodes": (rhodes, 43, 84), "piano": (piano, 43, 88), "guitar": (guitar, 43, 86), "pad": (pad, 43, 76),
    "flute": (flute, 60, 86), "bell": (bell, 67, 91), "vibes": (vibes, 60, 85), "trumpet": (trumpet, 56, 83),
    "sax": (sax, 53, 81), "sub": (sub, 26, 48), "upright": (upright, 26, 51),
}  # fmt: skip
DRY = frozenset({"sub", "upright"})
LOOPS: dict[str, Callable[[np.random.Generator], Sound]] = {
    "vinyl": vinyl_loop, "rain": rain_loop, "cafe": cafe_loop, "night": night_loop, "tape": hiss_loop,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """rate: decay taken out, per sample; gain: what a stored 1 is worth."""

    rate: float
    gain: float


@dataclass(frozen=True, slots=True)
class Bank:
    """samples: int8 [total]; start and end: address of each sound's first sample and of the zero behind it.

    A zero lies ahead of every sound as well. Sound 0 is silence. `index` names the others: (instrument,
    pitch) or (drum, 0).
    """

    samples: NDArray[np.int8]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    index: dict[tuple[str, int], int]
    families: dict[str, Family]


@dataclass(frozen=True, slots=True)
class Loop:
    """A noise loop at RATE; a stored 1 is worth `scale` where the loop shall have RMS 1."""

    samples: NDArray[np.int8]
    scale: float


def _reverb(rng: np.random.Generator) -> Sound:
    """A small dark room, 0.8 s, energy 1."""
    t = np.arange(int(0.8 * RATE)) / RATE
    tail = sosfilt(
        butter(1, [250, 3_600], "bandpass", fs=RATE, output="sos"),
        rng.standard_normal(len(t)) * np.exp(-t / 0.2),
    )
    tail[: int(0.012 * RATE)] = 0
    return np.asarray(tail / np.sqrt(np.sum(tail**2)))


def _fade_end(sound: Sound) -> Sound:
    size = min(len(sound), int(FADE_SECONDS * RATE))
    sound = sound.copy()
    sound[-size:] *= np.linspace(1, 0, size)
    return sound


def _decay_rate(sounds: list[Sound]) -> float:
    """The slowest decay in a family, per sample: none grows when its family's decay is taken out."""
    rates = []
    for sound in sounds:
        blocks = sound[: len(sound) // 400 * 400].reshape(-1, 400)
        level = np.log(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-9)
        peak, last = int(level.argmax()), int(len(level) * 0.8)
        if last - peak < 3:
            return 0.0
        rates.append(-(level[last] - level[peak]) / ((last - peak) * 400))
    return max(0.0, float(min(rates)))


def _pack(families: dict[str, dict[int, Sound]]) -> Bank:
    chunks: list[NDArray[np.int8]] = [np.zeros(2, np.int8)]
    start, end, index, table = [1], [1], {}, {}
    at = 2
    for name, sounds in families.items():
        loudest = max(float(np.abs(sound).max()) for sound in sounds.values())
        rate = _decay_rate(list(sounds.values()))
        while True:
            flat = {key: sound * np.exp(rate * np.arange(len(sound))) for key, sound in sounds.items()}
            peak = max(float(np.abs(sound).max()) for sound in flat.values())
            if peak <= MOST_GROWTH * loudest:
                break
            rate *= 0.9
        table[name] = Family(rate, peak / 127)
        for key, sound in flat.items():
            index[name, key] = len(start)
            chunks.append(np.concatenate([np.round(sound / peak * 127), [0]]).astype(np.int8))
            start.append(at)
            at += len(sound)
            end.append(at)
            at += 1
    return Bank(np.concatenate(chunks), np.array(start, np.int32), np.array(end, np.int32), index, table)


def tone_bank() -> Bank:
    """Every pitched one-shot at BANK_RATE, reverb in it (not in the basses), equally loud."""
    rng = np.random.default_rng(SEED)
    room = _reverb(rng)
    families: dict[str, dict[int, Sound]] = {}
    for name, (voice, low, high) in VOICES.items():
        families[name] = {}
        for pitch in range(low, high + 1):
            sound = voice(pitch, rng)
            if name not in DRY:
                wet = oaconvolve(sound, room)[: len(sound)]
                sound = sound + REVERB_LEVEL * wet * np.sqrt(np.mean(sound**2) / np.mean(wet**2))
            sound = sound * LOUDNESS / np.sqrt(np.mean(sound[: RATE // 2] ** 2))
            families[name][pitch] = resample_poly(_fade_end(sound), 1, RATE // BANK_RATE)
    return _pack(families)


def drum_bank() -> Bank:
    """Every drum at RATE."""
    sounds = drum_sounds(np.random.default_rng(SEED + 1))
    return _pack({name: {0: _fade_end(sound)} for name, sound in sounds.items()})


def noise_loops() -> dict[str, Loop]:
    """Every loop by the name of the attribute that turns it on."""
    loops = {}
    for n, (name, make) in enumerate(LOOPS.items()):
        sound = make(np.random.default_rng(SEED + 2 + n))
        scale = float(np.abs(sound).max()) / 127
        loops[name] = Loop(np.round(sound / scale).astype(np.int8), scale)
    return loops
