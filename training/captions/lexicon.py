"""All words for single values, by attribute and value, each with how it stands in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from training.attributes import Attributes, tempo_word_class
from training.captions import place_words as place
from training.captions import sound_words as sound
from training.captions import time_words as time
from training.captions.roles import Role, Value

Phrase = tuple[str, Role]
V = TypeVar("V", bound=str | int | bool)


def _gather(*tables: tuple[Role, Mapping[V, tuple[str, ...]]]) -> dict[Value, tuple[Phrase, ...]]:
    """One table of phrases by value; a value without words is left out."""
    gathered: dict[Value, tuple[Phrase, ...]] = {}
    for role, words in tables:
        for value, texts in words.items():
            if texts:
                gathered[value] = (*gathered.get(value, ()), *((text, role) for text in texts))
    return gathered


# Pseudo-attributes: `tempo_word` is the third of the tempo range (0 slow, 1 middle, 2 fast); `some_drums` and
# `some_bass` are true where any play.
PHRASES: dict[str, dict[Value, tuple[Phrase, ...]]] = {
    "keys": _gather((Role.NOUN, sound.KEYS)),
    "lead": _gather((Role.NOUN, sound.LEAD)),
    "pad": _gather((Role.NOUN, sound.PAD)),
    "bass": _gather((Role.NOUN, sound.BASS)),
    "some_bass": _gather((Role.NOUN, {True: sound.SOME_BASS})),
    "tone": _gather(
        (Role.ADJECTIVE, sound.TONE), (Role.NOUN, sound.TONE_NOUNS), (Role.CLAUSE, sound.TONE_CLAUSES)
    ),
    "tape": _gather(
        (Role.NOUN, sound.TAPE), (Role.ADJECTIVE, sound.TAPE_ADJECTIVES), (Role.CLAUSE, sound.TAPE_CLAUSES)
    ),
    "tempo_word": _gather((Role.ADJECTIVE, time.TEMPO), (Role.CLAUSE, time.TEMPO_CLAUSES)),
    "drums": _gather((Role.NOUN, time.DRUMS)),
    "some_drums": _gather((Role.NOUN, {True: time.SOME_DRUMS})),
    "density": _gather((Role.ADJECTIVE, time.DENSITY), (Role.NOUN, time.DENSITY_NOUNS)),
    "swing": _gather(
        (Role.NOUN, time.SWING), (Role.ADJECTIVE, time.SWING_ADJECTIVES), (Role.CLAUSE, time.SWING_CLAUSES)
    ),
    "ending": _gather((Role.NOUN, time.ENDING), (Role.CLAUSE, time.ENDING_CLAUSES)),
    "mode": _gather(
        (Role.ADJECTIVE, place.MODE), (Role.NOUN, place.MODE_NOUNS), (Role.CLAUSE, place.MODE_CLAUSES)
    ),
    "vinyl": _gather(
        (Role.NOUN, place.VINYL), (Role.ADJECTIVE, place.VINYL_ADJECTIVES), (Role.CLAUSE, place.VINYL_CLAUSES)
    ),
    "rain": _gather(
        (Role.NOUN, place.RAIN), (Role.ADJECTIVE, place.RAIN_ADJECTIVES), (Role.CLAUSE, place.RAIN_CLAUSES)
    ),
    "cafe": _gather((Role.NOUN, place.CAFE), (Role.CLAUSE, place.CAFE_CLAUSES)),
    "night": _gather((Role.NOUN, place.NIGHT), (Role.CLAUSE, place.NIGHT_CLAUSES)),
}
UNSTATED = ("some_drums", "some_bass")  # said, but nothing that an attribute could be compared with


def values_of(a: Attributes) -> dict[str, Value]:
    """A track's values under the names of PHRASES."""
    return {
        "keys": a.keys,
        "lead": a.lead,
        "pad": a.pad,
        "bass": a.bass,
        "some_bass": a.bass != "none",
        "tone": a.tone,
        "tape": a.tape,
        "tempo_word": tempo_word_class(a.bpm),
        "drums": a.drums,
        "some_drums": a.drums != "none",
        "density": a.density,
        "swing": a.swing,
        "ending": a.ending,
        "mode": a.mode,
        "vinyl": a.vinyl,
        "rain": a.rain,
        "cafe": a.cafe,
        "night": a.night,
    }
