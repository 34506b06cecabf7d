"""How a tempo in beats a minute and a key are said."""

from __future__ import annotations

from training.attributes import BPM_MAX, BPM_MIN
from training.captions.dice import Dice

BPM_FORMS = (
    "{} bpm", "{} bpm", "{}bpm", "at {} bpm", "tempo {}", "bpm {}", "bpm: {}", "{} beats per minute",
    "tempo: {}", "around {} bpm", "{} BPM", "tempo of {}", "at {} beats per minute", "a tempo of {} bpm",
    "bpm={}", "about {} bpm", "{}BPM", "at {}", "~{} bpm", "{} beats a minute", "bpm of {}", "tempo={}",
    "@{}bpm", "make it {} bpm", "the tempo should be {}", "tempo at {}", "set the tempo to {}",
    "roughly {} bpm", "{}-bpm", "exactly {} bpm", "at about {}bpm", "speed {} bpm", "with a tempo of {}",
    "{} b.p.m.", "tempo is {}",
)  # fmt: skip
SPOKEN_FORMS = (
    "{} bpm",
    "{} beats per minute",
    "at {} bpm",
    "{} beats a minute",
    "a tempo of {}",
    "tempo {}",
)
TENS = {30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
ONES = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPOKEN = 0.08
BEYOND = 0.25  # how often a tempo at the edge of the range stands for one outside it
LOWEST_SAID, HIGHEST_SAID = 30, 200

NOTE_NAMES = (
    ("C",), ("C#", "Db", "C sharp", "D flat", "C-sharp"), ("D",),
    ("Eb", "D#", "E flat", "D sharp", "E-flat"), ("E",), ("F",),
    ("F#", "Gb", "F sharp", "G flat", "F-sharp"), ("G",), ("Ab", "G#", "A flat", "G sharp", "A-flat"),
    ("A",), ("Bb", "A#", "B flat", "A sharp", "B-flat"), ("B",),
)  # fmt: skip
PLAIN_FORMS = (
    "in {}", "in the key of {}", "key of {}", "key: {}", "in {}", "in key {}", "key {}", "key is {}",
    "the key should be {}", "key={}",
)  # fmt: skip
QUALIFIED_FORMS = (
    "in {0} {1}", "in {0} {1}", "in the key of {0} {1}", "key of {0} {1}", "key: {0} {1}", "{0} {1}",
    "{0} {1}", "in {0}-{1}", "key {0} {1}", "{0}-{1}", "the key should be {0} {1}", "play it in {0} {1}",
    "key={0} {1}",
)  # fmt: skip
SHORT = {"minor": ("m", "min", " min", "m"), "major": ("maj", " maj", "maj", " maj")}
GERMAN = {"minor": ("moll", "Moll"), "major": ("dur", "Dur")}
GERMAN_KEYS = (0, 2, 4, 5, 7, 9)  # whose names are the same in German


def spoken(number: int) -> str:
    """72 as "seventy two"; 30 to 99."""
    tens = TENS[number // 10 * 10]
    return tens if number % 10 == 0 else f"{tens} {ONES[number % 10]}"


def say_bpm(bpm: int, dice: Dice) -> str:
    """A stated tempo. Tempi that the model can't play are said for the nearest one it can."""
    said = bpm
    if bpm == BPM_MAX and dice.chance(BEYOND):
        said = BPM_MAX + 1 + dice.below(HIGHEST_SAID - BPM_MAX)
    elif bpm == BPM_MIN and dice.chance(BEYOND):
        said = LOWEST_SAID + dice.below(BPM_MIN - LOWEST_SAID)
    if said < 100 and dice.chance(SPOKEN):
        return dice.pick(SPOKEN_FORMS).format(spoken(said))
    return dice.pick(BPM_FORMS).format(said)


def say_key(key: int, quality: str, dice: Dice) -> str:
    """`quality` is major, minor or empty."""
    note = dice.pick(NOTE_NAMES[key])
    if not quality:
        return dice.pick(PLAIN_FORMS).format(note)
    form = dice.roll()
    if form < 0.22 and len(note) <= 2:
        # "Am" and "Em" alone are words, so that they follow "in" or "key".
        return f"{dice.pick(('in ', 'key ', 'key: ', 'in the key of '))}{note}{dice.pick(SHORT[quality])}"
    if form < 0.26 and key in GERMAN_KEYS:
        return f"{dice.pick(('in ', ''))}{note}-{dice.pick(GERMAN[quality])}"
    # "in A minor key" would be no other than "in a minor key".
    if form < 0.36 and note != "A":
        return f"{note} {quality} key"
    return dice.pick(QUALIFIED_FORMS).format(note, quality)
