"""Writes a prompt for a track, and remembers what it states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes, pick, tempo_word_class
from training.captions import vocabulary as words
from training.captions.filler import (
    GENRES,
    OCCASIONS,
    OPENERS,
    SENTENCES,
    SYMBOLS,
    THINGS,
    mistype,
    strange_word,
)  # fmt: skip
from training.captions.phrases import absences, deny, say_bpm, say_key


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt and the attributes that it states (bpm, tempo_word, keys, drums, vinyl, rain, ...)."""

    text: str
    states: frozenset[str]


class _Draft:
    """Phrases gathered for one caption."""

    def __init__(self) -> None:
        self.phrases: list[str] = []
        self.states: set[str] = set()

    def say(self, phrase: str, *states: str) -> None:
        self.phrases.append(phrase)
        self.states.update(states)


def _sound(a: Attributes, draft: _Draft, rng: np.random.Generator, detail: float) -> None:
    """Keys, lead, bass, pad and tone."""
    says_tone = rng.random() < 0.35 * detail
    if rng.random() < 0.7 * detail:
        name = pick(rng, words.KEYS_WORDS[a.keys])
        if says_tone and rng.random() < 0.3 and not name.startswith("a "):
            name = f"{pick(rng, words.TONE_ADJECTIVES[a.tone])} {name}"
            draft.states.add("tone")
            says_tone = False
        draft.say(name, "keys")
    if a.lead != "none":
        if rng.random() < 0.7 * detail:
            draft.say(pick(rng, words.LEAD_WORDS[a.lead]), "lead")
    elif rng.random() < 0.12:
        draft.say(pick(rng, words.LEAD_NONE), "lead")
    if rng.random() < 0.33 * detail:
        draft.say(pick(rng, words.BASS_WORDS[a.bass]), "bass")
    if a.pad and rng.random() < 0.5 * detail:
        draft.say(pick(rng, words.PAD_LAYER), "pad")
    if says_tone:
        draft.say(pick(rng, words.TONE_WORDS[a.tone]), "tone")


def _time(a: Attributes, draft: _Draft, rng: np.random.Generator, detail: float) -> None:
    """Tempo, drums, density and swing."""
    if rng.random() < 0.4 * detail:
        draft.say(pick(rng, words.TEMPO_WORDS[tempo_word_class(a.bpm)]), "tempo_word")
    if rng.random() < 0.35 * detail:
        draft.say(say_bpm(a.bpm, rng), "bpm")
    if a.drums == "none":
        if rng.random() < 0.85:
            draft.say(deny("drums", rng), "drums")
    elif rng.random() < 0.5 * detail:
        draft.say(pick(rng, words.DRUM_WORDS[a.drums]), "drums")
    if a.density in words.DENSITY_WORDS and rng.random() < 0.4 * detail:
        draft.say(pick(rng, words.DENSITY_WORDS[a.density]), "density")
    if a.swing in words.SWING_WORDS and rng.random() < 0.22 * detail:
        draft.say(pick(rng, words.SWING_WORDS[a.swing]), "swing")


def _mood_and_place(a: Attributes, draft: _Draft, rng: np.random.Generator, detail: float) -> None:
    """Mode, key, rain and vinyl, and what is not there."""
    says_mode = rng.random() < 0.6 * detail
    if says_mode:
        draft.say(pick(rng, words.MODE_WORDS[a.mode]), "mode")
    if rng.random() < 0.3 * detail:
        # "in D minor" alone must not stand for a jazzy track, which may be in either scale.
        quality = "" if a.mode == "jazzy" or rng.random() < 0.15 else a.mode
        draft.say(say_key(a.key, quality, rng), "key", *(("mode",) if quality else ()))
    for name, there, phrases in (("vinyl", a.vinyl, words.VINYL_WORDS), ("rain", a.rain, words.RAIN_WORDS)):
        if there and rng.random() < 0.65 * detail:
            draft.say(pick(rng, phrases), name)
    if rng.random() < 0.2:
        denied = pick(rng, absences(a))
        # The absence of an instrument is obeyed but no attribute is stated by it.
        draft.say(
            deny(denied, rng),
            *{"both": ("vinyl", "rain"), "vinyl": ("vinyl",), "rain": ("rain",)}.get(denied, ()),
        )


def _join(phrases: list[str], rng: np.random.Generator) -> str:
    genre = pick(rng, GENRES)
    if not phrases:
        return f"{pick(rng, OPENERS)} {genre or 'lofi'}".strip()
    head, rest = phrases[0], phrases[1:]
    listed = ", ".join(rest[:-1]) + (" and " if len(rest) > 1 else "") + rest[-1] if rest else ""
    match int(rng.integers(8)):
        case 0 | 1:
            return ", ".join(([genre] if genre else []) + phrases)
        case 2:
            return f"{', '.join(phrases)} {genre}".strip()
        case 3 if rest:
            return f"{head} {genre or 'track'} with {listed}"
        case 4 if rest:
            return f"{pick(rng, OPENERS)} {pick(rng, THINGS)} with {head}, {listed}".strip()
        case 5:
            return ". ".join(phrases) + (f". {genre}." if genre else ".")
        case 6 if rest:
            link = pick(rng, ("with", "featuring", "and", "over", "made of"))
            return f"{genre} {link} {' and '.join(phrases)}".strip()
        case _:
            return " ".join([*phrases, genre] if rng.random() < 0.5 else [genre, *phrases]).strip()


def _disturb(text: str, rng: np.random.Generator, length: float) -> str:
    """Sentences, strange words, symbols and slips around what was said."""
    if rng.random() < 0.02 * length:
        sentences = [pick(rng, SENTENCES) for _ in range(int(rng.integers(1, 15)))]
        sentences.insert(int(rng.integers(len(sentences) + 1)), f"{text}.")
        text = " ".join(sentences)
    if rng.random() < 0.12:
        tokens = text.split(" ")
        for _ in range(int(rng.integers(1, 4))):
            tokens.insert(int(rng.choice((0, len(tokens)))), strange_word(rng))
        text = " ".join(tokens)
    if rng.random() < 0.06:
        text = f"{text} {pick(rng, SYMBOLS)}"
    if rng.random() < 0.08:
        text = mistype(text, rng)
    return text


def write_caption(a: Attributes, rng: np.random.Generator, noise: bool = True) -> Caption:
    """A prompt for a track with these attributes; `noise` adds small talk, strange words and slips."""
    draft = _Draft()
    # Some prompts say nearly everything, some one thing.
    detail = float(rng.uniform(0.25, 1.3))
    _sound(a, draft, rng, detail)
    _time(a, draft, rng, detail)
    _mood_and_place(a, draft, rng, detail)
    for _ in range(int(rng.integers(3)) if rng.random() < 0.5 else 0):
        draft.phrases.append(pick(rng, OCCASIONS))
    rng.shuffle(draft.phrases)
    text = _join(draft.phrases, rng)
    return Caption(_disturb(text, rng, length=2.0) if noise else text, frozenset(draft.states))
