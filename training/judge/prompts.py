"""Where the judge's prompts come from: held-out captions, and files of prompts with expectations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from training.attributes import NOTES, Attributes, tempo_word_class
from training.draws import HELD_OUT_SEED, caption
from training.obedience import STATABLE, TEMPO_TOLERANCE

FREEHAND = Path(__file__).with_name("freehand.tsv")
FIRST_HELD_OUT = 10_000
MOST_CAPTIONS = 60_000  # that are looked through for rare statements
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
SPEEDS = ("slow", "mid", "fast")
YES = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Held:
    """A caption of a seed that training never saw."""

    text: str
    wanted: Attributes
    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class Freehand:
    """A prompt written by hand and its expectations, name to value."""

    text: str
    expected: dict[str, str]


def _held(index: int) -> Held:
    return Held(*caption(HELD_OUT_SEED, FIRST_HELD_OUT + index, noise=False))


def held_out(count: int, stating: frozenset[str] = frozenset()) -> list[Held]:
    """Captions without small talk and slips, each stating at least two things, `stating` among them."""
    found: list[Held] = []
    index = 0
    while len(found) < count:
        held = _held(index)
        index += 1
        if len(held.states) >= 2 and held.states >= stating:
            found.append(held)
    return found


def every_statement(count: int, each: int) -> list[Held]:
    """`count` captions, and then more until every attribute of STATABLE is stated `each` times.

    Raises ValueError for an attribute that captions hardly ever state.
    """
    found: list[Held] = []
    stated: Counter[str] = Counter()
    for index in range(MOST_CAPTIONS):
        short = [name for name in STATABLE if stated[name] < each]
        if len(found) >= count and not short:
            return found
        held = _held(index)
        if held.states and (len(found) < count or held.states.intersection(short)):
            found.append(held)
            stated.update(held.states)
    raise ValueError(f"{MOST_CAPTIONS} captions state these less than {each} times: {', '.join(short)}")


def read_expected(text: str) -> dict[str, str]:
    """ "keys=rhodes bpm=72" as a dict."""
    return dict(item.split("=") for item in text.split())


def read_freehand(path: Path = FREEHAND) -> list[Freehand]:
    """A file of prompts: text, a tab, expectations; lines that begin with # are comments."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            text, expected = line.split("\t")
            found.append(Freehand(text, read_expected(expected)))
    return found


def meets(name: str, value: str, got: Attributes) -> bool:
    """Whether one expectation of a free-hand prompt holds. Raises ValueError for a name that is none."""
    match name:
        case "any":
            return value in (got.keys, got.lead)
        case "bpm":
            return abs(got.bpm / int(value) - 1) < TEMPO_TOLERANCE
        case "speed":
            return tempo_word_class(got.bpm) == SPEEDS.index(value)
        case "drums" if value == "yes":
            return got.drums != "none"
        case "key":
            return NOTES[got.key] == FLATS.get(value, value)
        case "vinyl" | "rain" | "cafe" | "night" | "tape" | "pad" | "ending":
            return bool(getattr(got, name) == YES[value])
        case "drums" | "mode" | "keys" | "lead" | "bass" | "tone" | "density" | "swing":
            return bool(getattr(got, name) == value)
    raise ValueError(f"no such expectation: {name}")


def missed(expected: dict[str, str], got: Attributes | None) -> list[str]:
    """The expectations that do not hold; all of them where there is no legal header."""
    return [name for name, value in expected.items() if got is None or not meets(name, value, got)]
