"""Captions in other languages."""

from __future__ import annotations

from training.attributes import Attributes
from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.foreign import Language
from training.captions.negation import absences
from training.captions.phrases import say_bpm
from training.captions.roles import Role

SAID, DENIED, DENIED_DRUMS, BPM, ALONE = 0.3, 0.08, 0.6, 0.2, 0.5


def write_abroad(a: Attributes, language: Language, draft: Draft, dice: Dice) -> str:
    """A caption of nothing but this language's words; fills the draft's states."""
    if a.drums == a.lead == a.bass == "none" and not a.pad and dice.chance(ALONE):
        keys = dice.pick(language.words["keys", a.keys])
        draft.say(dice.pick(language.alone).format(keys), Role.CLAUSE, "keys", "lead", "drums")
    for name in draft.values:
        if name in draft.states:
            continue
        if dice.chance(SAID) and not (name.startswith("some_") and dice.chance(0.6)):
            draft.say_foreign(name, dice)
    clauses = draft.said[Role.CLAUSE]
    absent = [
        what
        for what in absences(a)
        if what not in draft.states and dice.chance(DENIED_DRUMS if what in ("drums", "bass") else DENIED)
    ]
    dice.shuffle(absent)
    if absent:
        names = [dice.pick(language.denied[what]) for what in absent[:2]]
        clauses.append(dice.pick(language.without).format(f" {language.either} ".join(names)))
        draft.states.update(absent[:2])
    if dice.chance(BPM):
        draft.say(say_bpm(a.bpm, dice).replace("beats per minute", "bpm"), Role.CLAUSE, "bpm")
    return _join(draft, language, dice)


def _join(draft: Draft, language: Language, dice: Dice) -> str:
    adjectives, nouns, clauses = (draft.said[role] for role in Role)
    genre, opener, closer = (
        dice.pick(words) for words in (language.genres, language.openers, language.closers)
    )
    if dice.chance(0.45):
        phrases = [genre, *adjectives, *nouns, *clauses]
        dice.shuffle(phrases)
        return ", ".join(phrases)
    text = " ".join([opener, genre, *adjectives])
    if nouns:
        listed = [", ".join(nouns[:-1]), nouns[-1]] if len(nouns) > 1 else nouns
        text = f"{text} {language.following} {f' {language.joined} '.join(listed)}"
    return ", ".join([text, *clauses, *([closer] if closer else [])]).strip()
