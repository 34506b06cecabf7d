"""The prompts of the judge: held-out captions, free-hand prompts with expectations, pairs, strange ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.attributes import NOTES, Attributes, tempo_word_class
from training.draws import HELD_OUT_SEED, caption
from training.obedience import TEMPO_TOLERANCE

FREEHAND = Path(__file__).with_name("freehand.tsv")
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


def held_out(count: int) -> list[Held]:
    """Captions without small talk and slips, each stating at least two things."""
    found: list[Held] = []
    index = 10_000
    while len(found) < count:
        text, attributes, states = caption(HELD_OUT_SEED, index, noise=False)
        index += 1
        if len(states) >= 2:
            found.append(Held(text, attributes, states))
    return found


def read_freehand(path: Path = FREEHAND) -> list[Freehand]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            text, expected = line.split("\t")
            found.append(Freehand(text, dict(item.split("=") for item in expected.split())))
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
        case "vinyl" | "rain" | "pad":
            return bool(getattr(got, name) == YES[value])
        case "drums" | "mode" | "keys" | "lead" | "bass" | "tone" | "density":
            return bool(getattr(got, name) == value)
    raise ValueError(f"no such expectation: {name}")


PAIRS = {  # (less, more) of what the measure of that name counts
    "tempo": [
        ("slow lofi piano with drums", "fast lofi piano with drums"),
        ("sleepy rhodes beat", "energetic rhodes beat"),
        ("very slow guitar and boom bap", "upbeat guitar and boom bap"),
        ("downtempo chillhop with a flute and drums", "fast-paced chillhop with a flute and drums"),
    ],
    "density": [
        ("sparse piano with soft drums", "busy piano with soft drums"),
        ("minimal rhodes, boom bap drums", "dense rhodes, boom bap drums"),
        ("simple guitar lofi with drums", "complex guitar lofi with drums"),
        ("few notes, vibraphone, piano, drums", "lots of notes, vibraphone, piano, drums"),
    ],
    "tone": [
        ("dark piano beat, boom bap", "bright piano beat, boom bap"),
        ("muffled rhodes and drums", "crisp rhodes and drums"),
        ("underwater guitar, drums", "clear guitar, drums"),
        ("low-passed lofi with bells and drums", "sparkling lofi with bells and drums"),
    ],
}
STRANGE = [
    "qwertz asdfgh yxcvb", "🌧️🎧☕️🐈", "рояль и дождь, медленно", "静かな雨の夜のピアノ", "lofi " * 200,
    "a", "!!!???...",
    "une guitare triste, pas de batterie", "ruhiges Klavier im Regen, 70 bpm", "pinao and rian, no durms",
    "write a 4-minute death metal opera with 300 bpm blast beats",
    "The quick brown fox " * 45 + "plays a slow piano", "<script>alert(1)</script> \x00 \t\r\n",
    "1234567890 " * 20,
]  # fmt: skip
OPEN_PROMPT = "lofi"
LONG_PROMPTS = [
    "slow sad piano, rain, soft drums", "upbeat jazzy guitar with boom bap drums",
    "rhodes and vibraphone, 80 bpm, vinyl",
    "dark synth pads, no drums", "happy music box and shaker, 90 bpm", "busy rhodes with flute, fast", "lofi",
    "minimal guitar, sub bass, 64 bpm", "lo-fi in D minor, piano melody, dusty drums",
    "warm jazz chords, upright bass, brushes",
]  # fmt: skip
