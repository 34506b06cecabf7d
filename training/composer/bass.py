"""The bass: lines on the chord's root and fifth, or walking in quarter notes towards the next root."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.attributes import Attributes, pick
from training.composer.harmony import BAR, HELD, LATE, STRUCK, Chord
from training.composer.theory import BASS_COUNT, BASS_LOWEST

HIGHEST = BASS_LOWEST + BASS_COUNT - 2
Line = tuple[tuple[int, str, int], ...]
LINES: dict[str, tuple[Line, ...]] = {  # (step, note of the chord, length)
    "sparse": (((0, "root", 15),), ((0, "root", 10),), ((0, "root", 7), (10, "root", 6))),
    "medium": (
        ((0, "root", 7), (10, "root", 5)), ((0, "root", 6), (8, "fifth", 6)),
        ((0, "root", 9), (10, "root", 4)), ((0, "root", 6), (6, "root", 8)),
        ((0, "root", 8), (12, "approach", 4)),
        ((0, "root", 3), (3, "octave", 3), (10, "root", 5)),
    ),
    "busy": (
        ((0, "root", 5), (6, "root", 3), (10, "fifth", 5)),
        ((0, "root", 6), (7, "octave", 2), (10, "root", 3), (14, "approach", 2)),
        ((0, "root", 4), (4, "root", 3), (8, "fifth", 4), (12, "approach", 3)),
        ((0, "root", 3), (3, "root", 4), (8, "root", 3), (11, "fifth", 4)),
        ((0, "root", 3), (4, "third", 3), (8, "fifth", 3), (12, "octave", 3)),
    ),
}  # fmt: skip
WALKS: tuple[tuple[str, str, str, str], ...] = (
    ("root", "third", "fifth", "approach"), ("root", "fifth", "octave", "approach"),
    ("root", "octave", "fifth", "approach"), ("root", "third", "fifth", "third"),
)  # fmt: skip


def choose_line(a: Attributes, rng: np.random.Generator) -> Line | None:
    """A line for some bars; None walks."""
    walks = {"sparse": 0.0, "medium": 0.25, "busy": 0.5}[a.density] * (1.0 if a.mode == "jazzy" else 0.3)
    if a.bass == "upright" and rng.random() < walks:
        return None
    return pick(rng, LINES[a.density])


def root_pitch(root: int) -> int:
    """The lowest pitch there is of a pitch class."""
    return BASS_LOWEST + (root - BASS_LOWEST) % 12


def play_bass(
    chords: Sequence[Chord],
    following: Chord,
    scale: frozenset[int],
    line: Line | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """One bar: int64 [16, 2] of bass code (0 = silent) and touch."""
    bar = np.zeros((BAR, 2), np.int64)
    if len(chords) > 1:
        notes: Line = ((0, "root", 7), (8, "second", 7))
    elif line is None:
        notes = tuple((4 * i, note, 4) for i, note in enumerate(pick(rng, WALKS)))
    else:
        notes = line
    for start, note, length in notes:
        pitch = _pitch(note, chords, following, scale)
        bar[start : start + length, 0] = pitch - BASS_LOWEST + 1
        bar[start : start + length, 1] = HELD
        bar[start, 1] = LATE if start and rng.random() < 0.08 else STRUCK
    return bar


def _pitch(note: str, chords: Sequence[Chord], following: Chord, scale: frozenset[int]) -> int:
    chord = chords[0]
    root, goal = root_pitch(chord.root), root_pitch(following.root)
    match note:
        case "root":
            return root
        case "second":
            return root_pitch(chords[-1].root)
        case "third":
            return root + chord.third
        case "fifth":
            return root + chord.fifth if root + chord.fifth <= HIGHEST - 3 else root + chord.fifth - 12
        case "octave":
            return root + 12 if root + 12 <= HIGHEST else root
        case _:  # a step of the scale below or above the next root
            side = 1 if goal == BASS_LOWEST or (root > goal) else -1
            pitch = goal + side
            while pitch % 12 not in scale:
                pitch += side
            return pitch if BASS_LOWEST <= pitch <= HIGHEST else goal
