"""The lead: short motifs on a pentatonic ladder, answered, rested, varied, and closing on chord notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes
from training.composer.harmony import BAR, HELD, LATE, STRUCK, Chord, chord_at
from training.composer.theory import LEAD_LOWEST, voicings

RANGES = {  # above C; the codec moves them by up to half an octave
    "flute": (67, 86), "bell": (72, 91), "vibes": (65, 86), "guitar": (62, 81), "piano": (65, 86),
    "trumpet": (62, 81), "sax": (58, 77),
}  # fmt: skip
PENTATONIC = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10), "dorian": (0, 3, 5, 7, 10)}
LONGEST_NOTE = 8  # steps
REACH = 2  # semitones that a note on a beat may move to a note of its chord


@dataclass(frozen=True, slots=True)
class Motif:
    """Steps in a bar and moves on the ladder, relative to a chord note; late: how often notes drag."""

    steps: tuple[int, ...]
    moves: tuple[int, ...]
    late: float


def ladder(attributes: Attributes, scale: str) -> list[int]:
    """Pitches that the lead may play, low to high."""
    low, high = RANGES[attributes.lead]
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in PENTATONIC[scale]]


def write_motif(a: Attributes, rng: np.random.Generator) -> Motif:
    count = {"sparse": 2, "medium": 3, "busy": 5}[a.density] + int(rng.integers(3))
    # Even steps are twice as likely as odd ones, which carry the swing.
    weights = np.where(np.arange(BAR) % 2 == 0, 2.0, 0.8)
    steps = np.sort(rng.choice(BAR, size=count, replace=False, p=weights / weights.sum()))
    # A walk of small steps with a leap now and then, pulled back to its middle.
    moves, at = [], 0
    for _ in range(count):
        at += int(rng.choice((-1, 1, -1, 1, 2, -2, 3))) - (at > 2) + (at < -2)
        moves.append(at)
    return Motif(tuple(int(s) for s in steps), tuple(moves), late=float(rng.choice((0.0, 0.1, 0.3))))


def vary(motif: Motif, rng: np.random.Generator) -> Motif:
    """The same rhythm with one other note."""
    moves = list(motif.moves)
    moves[int(rng.integers(len(moves)))] += int(rng.integers(1, 3)) * (1 if rng.random() < 0.5 else -1)
    return Motif(motif.steps, tuple(moves), motif.late)


def cadence(motif: Motif) -> Motif:
    """The motif's first notes, the last of them on the chord, and room behind it."""
    kept = max(1, len(motif.steps) // 3)
    return Motif(motif.steps[:kept], (*motif.moves[: kept - 1], 0), motif.late)


def play_lead(
    motif: Motif, chords: Sequence[Chord], rungs: Sequence[int], rng: np.random.Generator
) -> np.ndarray:
    """One bar: int64 [16, 2] of lead code (0 = silent) and touch."""
    bar = np.zeros((BAR, 2), np.int64)
    classes = _classes(chords[0])
    middle = (rungs[0] + rungs[-1]) / 2
    home = min(
        range(len(rungs)), key=lambda i: abs(rungs[i] - middle) + (0 if rungs[i] % 12 in classes else 3)
    )
    for i, (step, move) in enumerate(zip(motif.steps, motif.moves, strict=True)):
        end = motif.steps[i + 1] if i + 1 < len(motif.steps) else BAR
        pitch = rungs[min(max(home + move, 0), len(rungs) - 1)]
        if step % 4 == 0:
            pitch = _on_chord(pitch, _classes(chord_at(chords, step)), rungs)
        stop = min(end, step + LONGEST_NOTE)
        bar[step:stop, 0] = pitch - LEAD_LOWEST + 1
        bar[step:stop, 1] = HELD
        bar[step, 1] = LATE if rng.random() < motif.late else STRUCK
    return bar


def _classes(chord: Chord) -> frozenset[int]:
    return frozenset(pitch % 12 for pitch in voicings()[chord.voicing])


def _on_chord(pitch: int, classes: frozenset[int], rungs: Sequence[int]) -> int:
    """The nearest note of the chord within REACH, or the pitch as it is."""
    near = sorted(range(pitch - REACH, pitch + REACH + 1), key=lambda p: (abs(p - pitch), p))
    return next((p for p in near if p % 12 in classes and rungs[0] <= p <= rungs[-1]), pitch)
