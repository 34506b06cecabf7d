"""Scales, chords and the closed list of voicings that the third codebook can name."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
# A jazzy track is written in either of two scales; the listener hears which.
MODE_SCALES = {"major": ("major",), "minor": ("minor",), "jazzy": ("major", "dorian")}

QUALITIES = (
    (0, 4, 7, 11), (0, 3, 7, 10), (0, 4, 7, 10), (0, 3, 6, 10), (0, 4, 7), (0, 3, 7),
    (0, 5, 7, 10), (0, 2, 4, 7), (0, 2, 3, 7),
)  # fmt: skip
PLACEMENTS = (58.5, 64.0)  # mean pitch that each of a chord's two voicings comes near to
LOWEST, HIGHEST = 48, 80  # single notes of broken chords
VOICING_COUNT = 1 + len(QUALITIES) * 12 * len(PLACEMENTS) + HIGHEST - LOWEST + 1
LEAD_LOWEST, LEAD_COUNT = 60, 34  # code 0 is silence, code p is pitch LEAD_LOWEST + p - 1
BASS_LOWEST, BASS_COUNT = 26, 22


def _inversions(pitch_classes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Every close voicing from 49 to 76 of the given pitch classes."""
    found = []
    for turn in range(len(pitch_classes)):
        order = pitch_classes[turn:] + pitch_classes[:turn]
        for octave in (48, 60):
            pitches = [octave + order[0] % 12]
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
    for quality in QUALITIES:
        for root in range(12):
            candidates = _inversions(tuple((root + i) % 12 for i in quality))
            low = min(candidates, key=lambda v: _roughness(v, PLACEMENTS[0]))
            rest = [v for v in candidates if v != low]
            table += [low, min(rest, key=lambda v: _roughness(v, PLACEMENTS[1]))]
    table += [(pitch,) for pitch in range(LOWEST, HIGHEST + 1)]
    return tuple(table)


def single(pitch: int) -> int:
    """The voicing that is one note, folded by octaves into the range there is."""
    while pitch > HIGHEST:
        pitch -= 12
    while pitch < LOWEST:
        pitch += 12
    return VOICING_COUNT - (HIGHEST - LOWEST + 1) + pitch - LOWEST


@cache
def _by_pitch_classes() -> dict[frozenset[int], tuple[int, ...]]:
    found: dict[frozenset[int], tuple[int, ...]] = {}
    for index, voicing in enumerate(voicings()):
        if len(voicing) > 1:
            classes = frozenset(p % 12 for p in voicing)
            found[classes] = (*found.get(classes, ()), index)
    return found


def chord_classes(key: int, scale: str, degree: int, style: str) -> tuple[int, ...]:
    """Pitch classes of the chord on a scale degree (0-based), root first.

    `style` is seventh, ninth (without its root: the bass has it), add9 or triad; a style that the degree
    can't carry (a minor ninth, a diminished triad) becomes a seventh chord.
    """
    steps = SCALES[scale]
    tone = {i: (key + steps[(degree + i) % 7]) % 12 for i in (0, 1, 2, 4, 6)}
    seventh = (tone[0], tone[2], tone[4], tone[6])
    major_ninth = (tone[1] - tone[0]) % 12 == 2
    wanted = {
        "seventh": seventh,
        "ninth": (tone[2], tone[4], tone[6], tone[1]) if major_ninth else seventh,
        "add9": (tone[0], tone[1], tone[2], tone[4]) if major_ninth else seventh,
        "triad": (tone[0], tone[2], tone[4]),
    }[style]
    return wanted if frozenset(wanted) in _by_pitch_classes() else seventh


def nearest_voicing(classes: tuple[int, ...], previous: int | None) -> int:
    """The voicing of these pitch classes that moves least from the previous one."""
    options = _by_pitch_classes()[frozenset(classes)]
    before = voicings()[previous] if previous else (60,)

    def motion(index: int) -> float:
        chord = voicings()[index]
        steps = sum(min(abs(p - q) for q in before) for p in chord)
        return steps + 0.5 * abs(sum(chord) / len(chord) - 61)

    return min(options, key=motion)
