"""Writes the words that the starter was taught, by kind and meaning, for `lofi prompts`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from training.attributes import BPM_MAX, BPM_MIN, TEMPO_BOUNDS
from training.captions.lexicon import PHRASES
from training.captions.moods import GENRES, MOODS
from training.captions.negation import LISTS, NAMES, NEAR, PAIRS
from training.captions.phrases import BPM_FORMS, NOTE_NAMES
from training.captions.roles import Value
from training.captions.sound_words import BASS_NONE
from training.captions.time_words import DRUMLESS

Kind = dict[str, list[str]]

EXAMPLES = (
    "rainy night lofi, felt piano, no drums",
    "dusty boom bap at 84 bpm with a muted trumpet and vinyl crackle",
    "jazzy guitar, upright bass and brushes in a busy café",
    "slow and sad rhodes in F# minor, lots of space",
    "I don't want any drums, only a nylon guitar and crickets",
    "sunny, fast chillhop with a flute and a proper ending",
    "808 drums, deep sub bass and dark synth pads, 90bpm",
    "something sleepy to read to: music box, worn cassette tape, no bass",
    "study beats with heavy swing, mellow electric piano and a sax solo",
    "guitare triste sous la pluie, sans batterie, 70 bpm",
)
# Attribute, value and what that is called, by kind.
KINDS: dict[str, tuple[tuple[str, Value, str], ...]] = {
    "tempo": (
        ("tempo_word", 0, f"slow ({BPM_MIN} to {TEMPO_BOUNDS[0] - 1} bpm)"),
        ("tempo_word", 1, f"medium ({TEMPO_BOUNDS[0]} to {TEMPO_BOUNDS[1] - 1} bpm)"),
        ("tempo_word", 2, f"fast ({TEMPO_BOUNDS[1]} to {BPM_MAX} bpm)"),
    ),
    "mood": (("mode", "major", "major"), ("mode", "minor", "minor"), ("mode", "jazzy", "jazz")),
    "keys": (
        ("keys", "rhodes", "electric piano"),
        ("keys", "piano", "felt piano"),
        ("keys", "guitar", "nylon guitar"),
        ("keys", "pad", "synth pad"),
        ("pad", True, "a pad under the keys"),
    ),
    "lead": (
        ("lead", "flute", "flute"),
        ("lead", "bell", "bells"),
        ("lead", "vibes", "vibraphone"),
        ("lead", "guitar", "guitar"),
        ("lead", "piano", "piano"),
        ("lead", "trumpet", "muted trumpet"),
        ("lead", "sax", "saxophone"),
        ("lead", "none", "no lead"),
    ),
    "bass": (
        ("bass", "sub", "sub bass"),
        ("bass", "upright", "upright bass"),
        ("some_bass", True, "either"),
    ),
    "drums": (
        ("drums", "boombap", "boom bap"),
        ("drums", "brushes", "brushes"),
        ("drums", "808", "808"),
        ("some_drums", True, "any of them"),
    ),
    "ambience": (
        ("rain", True, "rain"),
        ("cafe", True, "café"),
        ("night", True, "summer night"),
        ("vinyl", True, "vinyl"),
        ("tape", True, "tape"),
    ),
    "tone": (("tone", "dark", "dark"), ("tone", "warm", "warm"), ("tone", "bright", "bright")),
    "density": (
        ("density", "sparse", "few notes"),
        ("density", "medium", "in between"),
        ("density", "busy", "many notes"),
    ),
    "swing": (
        ("swing", "straight", "no swing"),
        ("swing", "light", "light swing"),
        ("swing", "heavy", "heavy swing"),
    ),
    "ending": (("ending", True, "closes with a last chord"), ("ending", False, "runs on")),
}
VALUE_NAMES = {(name, value): meaning for kind in KINDS.values() for name, value, meaning in kind}
VALUE_NAMES["drums", "none"] = "no drums"
MOOD = {"mode", "tempo_word", "density"}
SAMPLE_BPM, SAMPLE_ABSENT = 72, ("drums", "bass", "rain")


def vocabulary() -> dict[str, Kind]:
    """kind -> meaning -> words, the plainest first."""
    found = {
        kind: {meaning: [text for text, _ in PHRASES[name][value]] for name, value, meaning in values}
        for kind, values in KINDS.items()
    }
    found["tempo"]["in numbers"] = _distinct(form.format(SAMPLE_BPM) for form in BPM_FORMS)
    for values, _, texts in MOODS + GENRES:
        meaning = ", ".join(VALUE_NAMES[each].partition(" (")[0] for each in values.items())
        found.setdefault(_kind_of(values), {}).setdefault(meaning, []).extend(texts)
    found["key"] = {
        "major": [f"in {name} major" for names in NOTE_NAMES for name in names],
        "minor": [f"in {name} minor" for names in NOTE_NAMES for name in names],
        "short": ["F#m", "key: Eb", "in the key of C", "A-Moll"],
    }
    left_out = {name: _distinct(f"no {text}" for text in texts) for name, texts in NAMES.items()}
    left_out["drums"] += DRUMLESS
    left_out["bass"] += BASS_NONE
    left_out["how"] = [form.format(SAMPLE_ABSENT[0]) for form in NEAR]
    left_out["several"] = [
        *(form.format(*SAMPLE_ABSENT[:2]) for form in PAIRS),
        *(form.format(*SAMPLE_ABSENT) for form in LISTS),
    ]
    found["leave out"] = left_out
    return found


def _kind_of(values: dict[str, Value]) -> str:
    """Where words for several values are looked for; those for one value are genres."""
    if len(values) == 1 or "drums" in values:
        return "genre"
    return "mood" if MOOD & set(values) else "ambience"


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def write_words(path: Path) -> None:
    """Write the vocabulary and the example prompts as JSON."""
    text = json.dumps({"kinds": vocabulary(), "examples": EXAMPLES}, ensure_ascii=False, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")
