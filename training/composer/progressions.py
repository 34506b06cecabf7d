"""The chord loops: four bars each, in Roman numerals above a tonic, for major, minor, dorian and jazz.

Upper case is a major chord, lower case a minor one, 7 a dominant, o half-diminished; two chords with a slash
share a bar. Numerals count from the major scale, so flats are written out in minor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

DEGREES = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
# A jazzy track is written in either of two scales; the listener hears which.
MODE_SCALES = {"major": ("major",), "minor": ("minor",), "jazzy": ("major", "dorian")}
PROGRESSIONS = {  # (mode, scale) -> loops
    ("major", "major"): (
        "I vi IV V7", "I IV vi V7", "IV V7 iii vi", "ii V7 I vi", "I iii IV V7", "IV iii ii I", "I V7 vi IV",
        "vi IV I V7", "vi IV ii V7", "I IV ii V7", "IV I ii vi", "I I IV iv",
    ),
    ("minor", "minor"): (
        "i bVI bIII bVII", "i iv bVI bVII", "i bVI iv v", "i bVII bVI bVII", "bVI bVII i i",
        "i iv bVII bIII", "iv v i bVI", "i bIII v iv", "i iv i v", "bVI v iv i", "iv bVII bIII bVI",
        "i bVI iv V7",
    ),
    ("jazzy", "major"): (
        "ii V7 I vi", "I vi ii V7", "iii vi ii V7", "IV iii ii V7", "ii V7 iii vi", "I IV ii V7",
        "ii/V7 I ii/V7 vi", "I/vi ii/V7 iii/vi ii/V7", "I VI7 ii V7", "IV iii/vi ii V7",
    ),
    ("jazzy", "dorian"): (
        "i IV7 i IV7", "i IV7 bVII bIII", "i ii bIII ii", "i bVII IV7 ii", "i bIII IV7 bVII",
        "ii/IV7 i ii/IV7 i",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Symbol:
    """root: semitones above the tonic; family: maj, min, dom or dim."""

    root: int
    family: str


@dataclass(frozen=True, slots=True)
class Loop:
    """Four bars of one or two chords."""

    mode: str
    scale: str
    bars: tuple[tuple[Symbol, ...], ...]


def read_symbol(text: str) -> Symbol:
    """ "bVII", "ii", "V7", "viio". Raises KeyError for no numeral."""
    numeral = text.lstrip("b").rstrip("7o")
    root = (DEGREES[numeral.upper()] - text.count("b")) % 12
    if text.endswith("7"):
        family = "dom"
    elif text.endswith("o"):
        family = "dim"
    else:
        family = "maj" if numeral.isupper() else "min"
    return Symbol(root, family)


@cache
def loops() -> tuple[Loop, ...]:
    """All loops; their places in this list are codes of the header."""
    return tuple(
        Loop(
            mode,
            scale,
            tuple(tuple(read_symbol(chord) for chord in bar.split("/")) for bar in text.split()),
        )
        for (mode, scale), texts in PROGRESSIONS.items()
        for text in texts
    )
