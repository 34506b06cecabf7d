"""The lead: short motifs on a pentatonic ladder, answered, rested and varied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes
from training.composer.theory import LEAD_LOWEST, voicings

BAR = 16
RANGES = {"flute": (64, 84), "bell": (70, 90), "vibes": (64, 86), "guitar": (62, 81), "piano": (65, 86)}
PENTATONIC = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10), "dorian": (0, 3, 5, 7, 10)}
LONGEST_NOTE = 8  # steps


@dataclass(frozen=True, slots=True)
class Motif:
    """Steps in a bar and moves on the ladder, relative to a chord note."""

    steps: tuple[int, ...]
    moves: tuple[int, ...]


def ladder(attributes: Attributes, scale: str) -> list[int]:
    """Pitches that the lead may play, low to high."""
    low, high = RANGES[attributes.lead]
    classes = {(attributes.key + i) % 12 for i in PENTATONIC[scale]}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def write_motif(attributes: Attributes, rng: np.random.Generator) -> Motif:
    count = {"sparse": 2, "medium": 4, "busy": 6}[attributes.density] + int(rng.integers(2))
    # Even steps are twice as likely as odd ones, which carry the swing.
    weights = np.where(np.arange(BAR) % 2 == 0, 2.0, 1.0)
    steps = np.sort(rng.choice(BAR, size=count, replace=False, p=weights / weights.sum()))
    moves = np.clip(np.cumsum(rng.integers(-2, 3, size=count)), -5, 5)
    return Motif(tuple(int(s) for s in steps), tuple(int(m) for m in moves))


def vary(motif: Motif, rng: np.random.Generator) -> Motif:
    """The same rhythm with one other note."""
    moves = list(motif.moves)
    moves[int(rng.integers(len(moves)))] += int(rng.integers(1, 3)) * (1 if rng.random() < 0.5 else -1)
    return Motif(motif.steps, tuple(moves))


def play_lead(motif: Motif, chord_voicing: int, rungs: list[int]) -> np.ndarray:
    """One bar: int64 [16, 2] of lead code (0 = silent) and onset."""
    bar = np.zeros((BAR, 2), np.int64)
    classes = {pitch % 12 for pitch in voicings()[chord_voicing]}
    middle = (rungs[0] + rungs[-1]) / 2
    home = min(
        range(len(rungs)), key=lambda i: abs(rungs[i] - middle) + (0 if rungs[i] % 12 in classes else 3)
    )
    for i, (step, move) in enumerate(zip(motif.steps, motif.moves, strict=True)):
        end = motif.steps[i + 1] if i + 1 < len(motif.steps) else BAR
        pitch = rungs[min(max(home + move, 0), len(rungs) - 1)]
        bar[step : min(end, step + LONGEST_NOTE), 0] = pitch - LEAD_LOWEST + 1
        bar[step, 1] = 1
    return bar
