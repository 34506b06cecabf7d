"""What a track is: the attributes that a prompt may state and that the header frames carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

BPM_MIN, BPM_MAX = 60, 95
MODES = ("major", "minor", "jazzy")
DRUMS = ("boombap", "brushes", "808", "none")
DENSITIES = ("sparse", "medium", "busy")
SWINGS = ("straight", "light", "heavy")
KEYS = ("rhodes", "piano", "guitar", "pad")
BASSES = ("sub", "upright", "none")
LEADS = ("none", "flute", "bell", "vibes", "guitar", "piano", "trumpet", "sax")
TONES = ("dark", "warm", "bright")
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

# Words for the three thirds of the tempo range: below the first bound, below the second, above.
TEMPO_BOUNDS = (70, 83)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """One track's description.

    key: pitch class (0 = C). rain, cafe, night: what is heard around the music; tape: wow, flutter and hiss;
    pad: one layered under the keys; ending: whether the track closes with a last chord instead of being
    faded where its time is up.
    """

    bpm: int
    key: int
    mode: str
    drums: str
    density: str
    swing: str
    keys: str
    bass: str
    lead: str
    vinyl: bool
    rain: bool
    cafe: bool
    night: bool
    tape: bool
    tone: str
    pad: bool
    ending: bool


def tempo_word_class(bpm: float) -> int:
    """0 = slow, 1 = mid-tempo, 2 = fast."""
    return sum(bpm >= bound for bound in TEMPO_BOUNDS)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One option, each equally likely (ten times faster than `rng.choice`)."""
    return options[int(rng.integers(len(options)))]


def weighted(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float]) -> T:
    """One option with the given weights, which sum to 1."""
    edge = rng.random()
    for option, weight in zip(options, weights, strict=True):
        edge -= weight
        if edge < 0:
            return option
    return options[-1]


def sample_attributes(rng: np.random.Generator) -> Attributes:
    """Draw a track from the prior that also fills in what a prompt leaves open."""
    keys = weighted(rng, KEYS, (0.35, 0.28, 0.22, 0.15))
    lead = weighted(rng, LEADS, (0.22, 0.12, 0.11, 0.12, 0.11, 0.11, 0.1, 0.11))
    lead = "none" if lead == keys else lead
    drums = weighted(rng, DRUMS, (0.4, 0.23, 0.2, 0.17))
    # An instrument without drums and melody often plays quite alone.
    no_bass = 0.5 if drums == lead == "none" else 0.06
    return Attributes(
        bpm=int(rng.integers(BPM_MIN, BPM_MAX + 1)),
        key=int(rng.integers(12)),
        mode=weighted(rng, MODES, (0.35, 0.4, 0.25)),
        drums=drums,
        density=pick(rng, DENSITIES),
        swing=pick(rng, SWINGS),
        keys=keys,
        bass=weighted(rng, BASSES, ((1 - no_bass) * 0.51, (1 - no_bass) * 0.49, no_bass)),
        lead=lead,
        vinyl=bool(rng.random() < 0.5),
        rain=bool(rng.random() < 0.3),
        cafe=bool(rng.random() < 0.14),
        night=bool(rng.random() < 0.14),
        tape=bool(rng.random() < 0.3),
        tone=weighted(rng, TONES, (0.34, 0.38, 0.28)),
        pad=bool(keys != "pad" and rng.random() < 0.3),
        ending=bool(rng.random() < 0.3),
    )
