"""The four chords of a loop, how the keys play them, and the bass under them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes, pick, weighted
from training.composer.theory import (
    BASS_COUNT,
    BASS_LOWEST,
    MODE_SCALES,
    SCALES,
    chord_classes,
    nearest_voicing,
    single,
    voicings,
)  # fmt: skip

BAR = 16
LOOPS = {  # scale degrees, one a bar
    "major": ((0, 5, 3, 4), (0, 3, 5, 4), (3, 4, 2, 5), (1, 4, 0, 5), (0, 2, 3, 4), (3, 2, 1, 0),
              (0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 1, 4), (3, 0, 1, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 6), (0, 5, 3, 4), (0, 6, 5, 6), (5, 6, 0, 0), (0, 3, 6, 2),
              (3, 5, 0, 6), (0, 2, 5, 3), (0, 3, 0, 4), (5, 2, 3, 0)),
    "dorian": ((0, 3, 0, 3), (0, 3, 6, 2), (0, 1, 3, 0), (0, 6, 3, 1), (0, 2, 3, 6)),
    "jazz": ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (3, 2, 1, 4), (1, 4, 2, 5), (0, 3, 1, 4)),
}  # fmt: skip
STYLES = ("seventh", "ninth", "add9", "triad")


@dataclass(frozen=True, slots=True)
class Chord:
    """root, fifth: pitch classes for the bass; voicing: what the keys play, an index into `voicings()`."""

    root: int
    fifth: int
    voicing: int


def choose_scale(attributes: Attributes, rng: np.random.Generator) -> str:
    return pick(rng, MODE_SCALES[attributes.mode])


def write_loop(attributes: Attributes, scale: str, rng: np.random.Generator) -> list[Chord]:
    """Four chords, one a bar, led from voicing to voicing."""
    family = "jazz" if attributes.mode == "jazzy" and scale == "major" else scale
    degrees = pick(rng, LOOPS[family])
    weights = (0.4, 0.6, 0.0, 0.0) if attributes.mode == "jazzy" else (0.35, 0.3, 0.2, 0.15)
    style = weighted(rng, STYLES, weights)
    steps, chords, previous = SCALES[scale], [], None
    for degree in degrees:
        previous = nearest_voicing(chord_classes(attributes.key, scale, degree, style), previous)
        root = (attributes.key + steps[degree % 7]) % 12
        fifth = (attributes.key + steps[(degree + 4) % 7]) % 12
        chords.append(Chord(root, fifth, previous))
    return chords


# (step, length in steps) of each strike; a broken chord is written as "arpeggio".
STRIKES = (
    ((0, 16),), ((0, 6), (6, 10)), ((0, 10), (10, 6)), ((0, 8), (8, 8)), ((0, 4), (6, 10)), ((0, 3), (3, 11)),
    ((0, 7), (10, 6)), ((0, 12), (12, 4)), ((0, 2), (6, 4), (10, 4)),
)  # fmt: skip
STRIKES_BY_DENSITY = {"sparse": (0, 0, 3, 7), "medium": (1, 2, 3, 4, 5, 6), "busy": (1, 4, 5, 6, 8)}
ARPEGGIOS = (
    (0, 1, 2, 3, 2, 1, 2, 3),
    (0, 2, 1, 3, 2, 3, 1, 2),
    (0, 1, 2, 1, 3, 2, 1, 2),
    (0, 3, 2, 1, 0, 3, 2, 1),
)


@dataclass(frozen=True, slots=True)
class Comping:
    """How the keys play: a strike pattern, or a broken chord of 8th notes."""

    strikes: tuple[tuple[int, int], ...]
    arpeggio: tuple[int, ...] | None
    push: bool  # one more short strike on the last 8th before a bar


def choose_comping(attributes: Attributes, rng: np.random.Generator) -> Comping:
    broken = {"rhodes": 0.15, "piano": 0.25, "guitar": 0.55, "pad": 0.0}[attributes.keys]
    if attributes.density == "sparse":
        broken *= 0.3
    arpeggio = pick(rng, ARPEGGIOS) if rng.random() < broken else None
    strikes = (
        STRIKES[0] if attributes.keys == "pad" else STRIKES[pick(rng, STRIKES_BY_DENSITY[attributes.density])]
    )
    push = attributes.density == "busy" and attributes.keys != "pad" and bool(rng.random() < 0.5)
    return Comping(strikes, arpeggio, push)


def play_keys(chord: Chord, comping: Comping, rng: np.random.Generator) -> np.ndarray:
    """One bar: int64 [16, 2] of voicing and onset."""
    bar = np.zeros((BAR, 2), np.int64)
    if comping.arpeggio is not None:
        pitches = voicings()[chord.voicing]
        notes = (*pitches, pitches[0] + 12)
        bar[0:2] = [(chord.voicing, 1), (chord.voicing, 0)]
        for eighth in range(1, 8):
            note = single(notes[comping.arpeggio[eighth] % len(notes)])
            bar[2 * eighth : 2 * eighth + 2] = [(note, 1), (note, 0)]
        return bar
    for start, length in comping.strikes:
        bar[start : start + length, 0] = chord.voicing
        bar[start, 1] = 1
    if comping.push and rng.random() < 0.6:
        bar[14:16] = [(chord.voicing, 1), (chord.voicing, 0)]
    return bar


BASS_LINES = {  # (step, note of the chord: 0 root, 1 fifth, 2 octave, 3 step towards the next root, length)
    "sparse": (((0, 0, 15),), ((0, 0, 10),), ((0, 0, 12),)),
    "medium": (((0, 0, 7), (10, 0, 5)), ((0, 0, 6), (8, 1, 6)), ((0, 0, 9), (10, 0, 4)),
               ((0, 0, 6), (6, 0, 8)), ((0, 0, 8), (12, 3, 4))),
    "busy": (((0, 0, 5), (6, 0, 3), (10, 1, 5)), ((0, 0, 6), (7, 2, 2), (10, 0, 3), (14, 3, 2)),
             ((0, 0, 4), (4, 0, 3), (8, 1, 4), (12, 3, 3)), ((0, 0, 3), (3, 0, 4), (8, 0, 3), (11, 1, 4))),
}  # fmt: skip


def bass_pitch(pitch_class: int, high: bool) -> int:
    """MIDI pitch of the bass, from 28 (E1) upwards, an octave up where `high` and in range."""
    pitch = 28 + (pitch_class - 28) % 12
    return pitch + 12 if high and pitch + 12 < BASS_LOWEST + BASS_COUNT - 1 and pitch < 32 else pitch


def play_bass(
    chord: Chord,
    following: Chord,
    scale_classes: frozenset[int],
    line: tuple[tuple[int, int, int], ...],
    high: bool,
) -> np.ndarray:
    """One bar: int64 [16, 2] of bass code (0 = silent) and onset."""
    bar = np.zeros((BAR, 2), np.int64)
    root, next_root = bass_pitch(chord.root, high), bass_pitch(following.root, high)
    approach = next_root - 1
    while approach % 12 not in scale_classes:
        approach -= 1
    fifth = root + (chord.fifth - root) % 12
    notes = (root, fifth if fifth <= 45 else fifth - 12, root + 12 if root + 12 <= 46 else root, approach)
    for start, which, length in line:
        bar[start : start + length, 0] = max(1, notes[which] - BASS_LOWEST + 1)
        bar[start, 1] = 1
    return bar
