"""Pitches above a tonic of C: the chords that loops can name, and the closed list of their voicings.

Scores are written as if every track were in C; `transposition` says how far the codec moves them.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from training.composer.progressions import SCALES, Symbol, loops

# sixth: six-nine, minor eleventh and thirteenth chords; open: added ninths and suspensions.
STYLES = ("seventh", "ninth", "sixth", "open")
INTERVALS = {  # of a chord's notes above its root; the bass has the root where they leave it out
    "maj": {"seventh": (0, 4, 7, 11), "ninth": (2, 4, 7, 11), "sixth": (2, 4, 7, 9), "open": (0, 2, 4, 7)},
    "min": {"seventh": (0, 3, 7, 10), "ninth": (2, 3, 7, 10), "sixth": (2, 3, 5, 10), "open": (0, 2, 3, 7)},
    "dom": {"seventh": (0, 4, 7, 10), "ninth": (2, 4, 7, 10), "sixth": (2, 4, 9, 10), "open": (0, 5, 7, 10)},
    "dim": {style: (0, 3, 6, 10) for style in STYLES},
}  # fmt: skip
TRIADS = {"maj": (0, 4, 7), "min": (0, 3, 7), "dom": (0, 4, 7), "dim": (0, 3, 6)}
PLACEMENTS = (56.0, 60.0, 64.5)  # mean pitch that each of a chord's voicings comes near to
LOWEST, HIGHEST = 48, 80  # single notes of broken chords
LEAD_LOWEST, LEAD_COUNT = 58, 35  # code 0 is silence, code p is pitch LEAD_LOWEST + p - 1
BASS_LOWEST, BASS_COUNT = 31, 22
HIGHEST_SHIFT = 6


def transposition(key: int) -> int:
    """Semitones from C to a key's tonic, -5 to 6."""
    return (key + 11 - HIGHEST_SHIFT) % 12 - (11 - HIGHEST_SHIFT)


def chord_classes(symbol: Symbol, scale: str, style: str) -> tuple[int, ...]:
    """Pitch classes above C of a chord as this style plays it.

    Where the style's notes leave the scale, the seventh chord is played, then the triad; a borrowed chord
    takes what leaves it least.
    """
    options = (INTERVALS[symbol.family][style], INTERVALS[symbol.family]["seventh"], TRIADS[symbol.family])
    placed = [tuple((symbol.root + i) % 12 for i in intervals) for intervals in options]
    return min(placed, key=lambda classes: sum(c not in SCALES[scale] for c in classes))


@cache
def chords_in_use() -> tuple[frozenset[int], ...]:
    """Every set of pitch classes that some loop plays in some style, in a fixed order."""
    found = {
        frozenset(chord_classes(symbol, loop.scale, style))
        for loop in loops()
        for bar in loop.bars
        for symbol in bar
        for style in STYLES
    }
    return tuple(sorted(found, key=sorted))


def _inversions(classes: frozenset[int]) -> list[tuple[int, ...]]:
    """Every close voicing from 49 to 76 of the given pitch classes."""
    found, ordered = [], sorted(classes)
    for turn in range(len(ordered)):
        order = ordered[turn:] + ordered[:turn]
        for octave in (48, 60):
            pitches = [octave + order[0]]
            for pitch_class in order[1:]:
                pitches.append(pitches[-1] + 1 + (pitch_class - pitches[-1] - 1) % 12)
            if pitches[0] >= 49 and pitches[-1] <= 76:
                found.append(tuple(pitches))
    return found


def _roughness(voicing: tuple[int, ...], centre: float) -> float:
    low_seconds = sum(upper - lower <= 1 for lower, upper in pairwise(voicing))
    return abs(sum(voicing) / len(voicing) - centre) + 1.5 * low_seconds


@cache
def voicings() -> tuple[tuple[int, ...], ...]:
    """All voicings, MIDI pitches from low to high: silence, then chords, then single notes."""
    table: list[tuple[int, ...]] = [()]
    for classes in chords_in_use():
        candidates = _inversions(classes)
        for centre in PLACEMENTS:
            best = min(candidates, key=lambda v, centre=centre: _roughness(v, centre))
            table.append(best)
            candidates.remove(best)
    table += [(pitch,) for pitch in range(LOWEST, HIGHEST + 1)]
    return tuple(table)


VOICING_COUNT = len(voicings())


def single(pitch: int) -> int:
    """The voicing that is one note, folded by octaves into the range there is."""
    while pitch > HIGHEST:
        pitch -= 12
    while pitch < LOWEST:
        pitch += 12
    return VOICING_COUNT - (HIGHEST - LOWEST + 1) + pitch - LOWEST


def nearest_voicing(classes: tuple[int, ...], previous: int | None, centre: float) -> int:
    """The voicing of these pitch classes that moves least from the previous one and stays near `centre`."""
    first = 1 + len(PLACEMENTS) * chords_in_use().index(frozenset(classes))
    before = voicings()[previous] if previous else (round(centre),)

    def motion(index: int) -> float:
        chord = voicings()[index]
        steps = sum(min(abs(p - q) for q in before) for p in chord)
        return steps + 0.5 * abs(sum(chord) / len(chord) - centre)

    return min(range(first, first + len(PLACEMENTS)), key=motion)
