"""A loop's chords as voicings, led from one to the next, and how the keys play them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes, pick
from training.composer.progressions import Loop, Symbol
from training.composer.theory import STYLES, chord_classes, nearest_voicing, single, voicings

BAR = 16
HELD, STRUCK, LATE = 0, 1, 2  # touches
REGISTER = {"dark": 57.5, "warm": 59.5, "bright": 62.0}  # mean pitch that the voicings keep near to
SECOND_LIFT = 2.0  # by which the second section lies higher


@dataclass(frozen=True, slots=True)
class Chord:
    """root: pitch class above C, for the bass; third, fifth: semitones above it; voicing: of the keys."""

    root: int
    third: int
    fifth: int
    voicing: int


def voice_chord(symbol: Symbol, scale: str, style: int, before: int | None, centre: float) -> Chord:
    """A symbol as this style plays it after the voicing `before`, near the pitch `centre`."""
    classes = chord_classes(symbol, scale, STYLES[style])
    third = 3 if symbol.family in ("min", "dim") else 4
    fifth = 6 if symbol.family == "dim" else 7
    return Chord(symbol.root, third, fifth, nearest_voicing(classes, before, centre))


def voice_loop(loop: Loop, style: int, centre: float) -> list[tuple[Chord, ...]]:
    """The loop's bars, one or two chords each."""
    bars, before = [], None
    for symbols in loop.bars:
        chords = []
        for symbol in symbols:
            chord = voice_chord(symbol, loop.scale, style, before, centre)
            before = chord.voicing
            chords.append(chord)
        bars.append(tuple(chords))
    return bars


def chord_at(chords: Sequence[Chord], step: int) -> Chord:
    """What sounds at a step of a bar."""
    return chords[min(len(chords) - 1, step * len(chords) // BAR)]


HELD_BAR = ((0, 16),)
# (step, length in steps) of each strike. What dies away is struck again before it is gone.
STRIKES = {
    "sparse": (((0, 8), (8, 8)), ((0, 10), (10, 6)), ((0, 11), (11, 5)), ((0, 9), (9, 7))),
    "medium": (
        ((0, 6), (6, 10)), ((0, 10), (10, 6)), ((0, 8), (8, 8)), ((0, 4), (6, 10)), ((0, 3), (3, 11)),
        ((0, 7), (10, 6)), ((0, 11), (11, 5)),
    ),
    "busy": (
        ((0, 6), (6, 10)), ((0, 4), (6, 10)), ((0, 3), (3, 11)), ((0, 7), (10, 6)),
        ((0, 2), (6, 4), (10, 4)), ((0, 5), (5, 3), (8, 6)), ((0, 3), (4, 3), (10, 5)),
    ),
}  # fmt: skip
ARPEGGIOS = (
    (0, 1, 2, 3, 2, 1, 2, 3),
    (0, 2, 1, 3, 2, 3, 1, 2),
    (0, 1, 2, 1, 3, 2, 1, 2),
    (0, 3, 2, 1, 0, 3, 2, 1),
    (0, 2, 3, 4, 3, 2, 3, 2),
)
BROKEN = {"rhodes": 0.15, "piano": 0.25, "guitar": 0.55, "pad": 0.0}  # how often the keys break their chords


@dataclass(frozen=True, slots=True)
class Comping:
    """How the keys play: a strike pattern, or a broken chord of 8th notes."""

    strikes: tuple[tuple[int, int], ...]
    arpeggio: tuple[int, ...] | None
    push: bool  # one more short strike on the last 8th before a bar
    late: float  # how often a strike comes behind the beat


def choose_comping(a: Attributes, rng: np.random.Generator) -> Comping:
    broken = BROKEN[a.keys] * (0.3 if a.density == "sparse" else 1.0)
    arpeggio = pick(rng, ARPEGGIOS) if rng.random() < broken else None
    strikes = HELD_BAR if a.keys == "pad" else pick(rng, STRIKES[a.density])
    push = a.density == "busy" and a.keys != "pad" and bool(rng.random() < 0.5)
    return Comping(strikes, arpeggio, push, late=pick(rng, (0.0, 0.15, 0.4)))


def play_keys(chords: Sequence[Chord], comping: Comping, rng: np.random.Generator) -> np.ndarray:
    """One bar: int64 [16, 2] of voicing and touch."""
    bar = np.zeros((BAR, 2), np.int64)

    def strike(start: int, length: int, voicing: int) -> None:
        bar[start : start + length, 0] = voicing
        bar[start : start + length, 1] = HELD
        bar[start, 1] = LATE if start and rng.random() < comping.late else STRUCK

    if comping.arpeggio is not None:
        strike(0, 2, chords[0].voicing)
        for eighth in range(1, 8):
            pitches = voicings()[chord_at(chords, 2 * eighth).voicing]
            notes = (*pitches, pitches[0] + 12)
            strike(2 * eighth, 2, single(notes[comping.arpeggio[eighth] % len(notes)]))
        return bar
    for start, length in comping.strikes:
        strike(start, length, chord_at(chords, start).voicing)
    if len(chords) > 1 and not any(start == BAR // 2 for start, _ in comping.strikes):
        following = next((s for s, _ in comping.strikes if s > BAR // 2), BAR)
        strike(BAR // 2, following - BAR // 2, chords[1].voicing)
    if comping.push and rng.random() < 0.6:
        strike(14, 2, chords[-1].voicing)
    return bar


def sustain(a: Attributes, chords: Sequence[Chord]) -> np.ndarray:
    """One bar in which each chord is struck and held; what dies away is struck twice."""
    bar = np.zeros((BAR, 2), np.int64)
    bar[:, 0] = [chord_at(chords, step).voicing for step in range(BAR)]
    bar[0, 1] = STRUCK
    if len(chords) > 1 or a.keys != "pad":
        bar[BAR // 2, 1] = STRUCK
    return bar
