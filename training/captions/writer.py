"""Writes a prompt for a track, and remembers what it states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes
from training.captions.abroad import write_abroad
from training.captions.arrange import arrange
from training.captions.choice import say_all
from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.filler import OCCASIONS, SENTENCES, strange_word
from training.captions.foreign import LANGUAGES
from training.captions.slips import EMOJI, SYMBOLS, lose_space, mistype_some

ABROAD, MIXED = 0.07, 0.05  # captions in another language; English ones with foreign words
LONG, STRANGE, SYMBOL, SLIPS, RUN_TOGETHER, CAPITALS = 0.05, 0.1, 0.1, 0.25, 0.02, 0.02
MOST_SENTENCES = 16


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt and the attributes that it states (bpm, tempo_word, keys, drums, vinyl, rain, ...)."""

    text: str
    states: frozenset[str]


def write_caption(a: Attributes, rng: np.random.Generator, noise: bool = True) -> Caption:
    """A prompt for a track with these attributes; `noise` adds small talk, strange words and slips."""
    dice = Dice(rng)
    kind = dice.roll()
    draft = Draft(a, dice.pick(LANGUAGES) if kind < ABROAD + MIXED else None)
    if draft.language is not None and kind < ABROAD:
        text = write_abroad(a, draft.language, draft, dice)
    else:
        say_all(a, draft, dice)
        occasions = [dice.pick(OCCASIONS) for _ in range(dice.below(3))] if dice.chance(0.5) else []
        text = arrange(draft, occasions, dice)
    if noise:
        text = _disturb(text, draft, dice)
    return Caption(text, frozenset(draft.states))


def _disturb(text: str, draft: Draft, dice: Dice) -> str:
    """Sentences, strange words, symbols, slips around and in what was said."""
    if dice.chance(SLIPS):
        text = mistype_some(text, dice, 1 + dice.below(2 + len(text) // 60))
    if dice.chance(RUN_TOGETHER):
        text = lose_space(text, dice)
    if dice.chance(LONG):
        sentences = [dice.pick(SENTENCES) for _ in range(1 + dice.below(MOST_SENTENCES))]
        sentences.insert(dice.below(len(sentences) + 1), f"{text}.")
        text = " ".join(sentences)
    if dice.chance(STRANGE):
        words = text.split(" ")
        for _ in range(1 + dice.below(3)):
            words.insert(0 if dice.chance(0.5) else len(words), strange_word(dice))
        text = " ".join(words)
    if dice.chance(SYMBOL):
        text = _add_symbol(text, draft, dice)
    return text.upper() if dice.chance(CAPITALS) else text


def _add_symbol(text: str, draft: Draft, dice: Dice) -> str:
    """A symbol that says nothing, or that goes with something that was stated."""
    fitting = [
        symbols
        for (name, value), symbols in EMOJI.items()
        if name in draft.states and draft.values[name] == value
    ]
    symbol = dice.pick(dice.pick(fitting)) if fitting and dice.chance(0.6) else dice.pick(SYMBOLS)
    return f"{symbol} {text}" if dice.chance(0.3) else f"{text} {symbol}"
