"""Phrases for single attributes: how a tempo, a key or an absence is said."""

from __future__ import annotations

import numpy as np

from training.attributes import BPM_MAX, BPM_MIN, Attributes, pick
from training.captions.vocabulary import DRUMLESS, NEGATED, NEGATIONS, NOTE_NAMES

BPM_FORMS = (
    "{} bpm", "{} bpm", "{}bpm", "at {} bpm", "tempo {}", "bpm {}", "bpm: {}", "{} beats per minute",
    "tempo: {}", "around {} bpm", "{} BPM", "tempo of {}", "at {} beats per minute", "a tempo of {} bpm",
    "bpm={}", "about {} bpm",
)  # fmt: skip
TENS = {40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
ONES = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BEYOND = 0.25  # how often a tempo at the edge of the range stands for one outside it


def spoken(number: int) -> str:
    """ "72" as "seventy two"."""
    tens = TENS[number // 10 * 10]
    return tens if number % 10 == 0 else f"{tens} {ONES[number % 10]}"


def say_bpm(bpm: int, rng: np.random.Generator) -> str:
    """A stated tempo. Tempi that the model can't play are said for the nearest one it can."""
    said = bpm
    if bpm == BPM_MAX and rng.random() < BEYOND:
        said = int(rng.integers(BPM_MAX + 1, 181))
    elif bpm == BPM_MIN and rng.random() < BEYOND:
        said = int(rng.integers(30, BPM_MIN))
    if 40 <= said < 100 and rng.random() < 0.08:
        return f"{spoken(said)} {pick(rng, ('bpm', 'beats per minute'))}"
    return pick(rng, BPM_FORMS).format(said)


KEY_FORMS = ("in {}", "in the key of {}", "key of {}", "key: {}", "{} key", "in {}", "in key {}", "key {}")


def say_key(key: int, quality: str, rng: np.random.Generator) -> str:
    """`quality` is major, minor or empty."""
    note = pick(rng, NOTE_NAMES[key])
    if quality == "minor" and rng.random() < 0.12:
        return f"in {note}m"
    if quality and rng.random() < 0.2:
        return f"{note} {quality}"
    return pick(rng, KEY_FORMS).format(f"{note} {quality}".strip())


def deny(what: str, rng: np.random.Generator) -> str:
    """ "no drums" and its many ways; `what` is a key of NEGATED."""
    if what == "drums" and rng.random() < 0.25:
        return pick(rng, DRUMLESS)
    # The two plain forms are what most people type.
    form = pick(rng, NEGATIONS[:2]) if rng.random() < 0.4 else pick(rng, NEGATIONS)
    return form.format(pick(rng, NEGATED[what]))


def absences(a: Attributes) -> list[str]:
    """What may truthfully be denied besides drums and the lead."""
    found = [name for name, there in (("vinyl", a.vinyl), ("rain", a.rain)) if not there]
    if len(found) == 2:
        found.append("both")
    found += [name for name in ("piano", "guitar") if name not in (a.keys, a.lead)]
    found += [name for name in ("flute", "bell") if name != a.lead]
    return found
