"""Phrases to one text: lists, sentences, questions, notes, as people type them."""

from __future__ import annotations

from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.filler import GENRES, OPENERS, THINGS
from training.captions.roles import Role

LINKS = ("with", "with", "featuring", "and", "over", "made of", "w/", "plus", "that has")
SHOULD_BE = (
    "it should be {}", "make it {}", "keep it {}", "i want it {}", "it has to feel {}",
    "i'm in the mood for something {}", "something {}", "can you make something {}?",
    "please keep things {}", "let it be {}",
)  # fmt: skip
SHOULD_HAVE = (
    "i'd like {}", "add {}", "include {}", "use {}", "i want to hear {}", "it should have {}",
    "i'd love {}", "there should be {}", "put in {}", "give it {}", "with {}", "i like {}", "i need {}",
    "i'm thinking of {}", "maybe with {}", "let me hear {}",
)  # fmt: skip
PURPOSES = (
    "for studying",
    "for tonight",
    "for my stream",
    "while i work",
    "for me",
    "to relax",
    "for the weekend",
    "",
)


def enumerate_phrases(phrases: list[str], dice: Dice) -> str:
    """ "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    if dice.chance(0.2):
        return " and ".join(phrases)
    return f"{', '.join(phrases[:-1])}{dice.pick((' and ', ' and ', ' & ', ', ', ', and '))}{phrases[-1]}"


def arrange(draft: Draft, occasions: list[str], dice: Dice) -> str:
    """All phrases of the draft in one of the usual shapes of a prompt.

    Clauses are set off by commas or full stops and never followed by "and" and a noun: whatever comes after
    "no drums" must not read as denied with them.
    """
    adjectives, nouns, clauses = (draft.said[role] for role in Role)
    if not (adjectives or nouns or clauses or occasions):
        return f"{dice.pick(OPENERS)} {dice.pick(GENRES) or 'lofi'}".strip()
    for phrases in (adjectives, nouns, clauses):
        dice.shuffle(phrases)
    shape = dice.roll()
    if shape < 0.26:
        return _as_list(adjectives + nouns + clauses + occasions, dice)
    if shape < 0.36:
        return (
            " ".join([*adjectives, dice.pick(GENRES), *nouns, *occasions, *clauses])
            .replace("  ", " ")
            .strip()
        )
    if shape < 0.6:
        return _as_request(adjectives, nouns, clauses, occasions, dice)
    if shape < 0.74:
        return _as_title(adjectives, nouns, clauses, occasions, dice)
    if shape < 0.9:
        return _as_chat(adjectives, nouns, clauses + occasions, dice)
    if shape < 0.95:
        return _as_notes(adjectives, nouns, clauses + occasions, dice)
    return _denials_first(adjectives, nouns, clauses, occasions, dice)


def _as_list(phrases: list[str], dice: Dice) -> str:
    """ "lofi, piano, sad, no drums"."""
    dice.shuffle(phrases)
    genre = dice.pick(GENRES)
    if genre:
        phrases.insert(0 if dice.chance(0.7) else len(phrases), genre)
    return dice.pick((", ", ", ", ", ", ". ", "; ", " / ", " | ", ",", " + ", " - ")).join(phrases)


def _as_request(
    adjectives: list[str], nouns: list[str], clauses: list[str], occasions: list[str], dice: Dice
) -> str:
    """ "make me a sad track with piano and rain, no drums"."""
    thing = dice.pick(THINGS)
    described = ", ".join(adjectives) if dice.chance(0.6) else " and ".join(adjectives)
    if thing.startswith("a ") and adjectives:
        thing = f"a {described} {thing[2:]}"
    elif adjectives:
        thing = f"{thing} that is {described}" if dice.chance(0.3) else f"{described} {thing}"
    text = f"{dice.pick(OPENERS)} {thing}".strip()
    if nouns:
        text = f"{text} {dice.pick(LINKS)} {enumerate_phrases(nouns, dice)}"
    mark = dice.pick((", ", ", ", ". ", " - ", "; "))
    return mark.join([" ".join([text, *occasions]), *clauses]) + dice.pick(("", "", ".", "!", " please"))


def _as_title(
    adjectives: list[str], nouns: list[str], clauses: list[str], occasions: list[str], dice: Dice
) -> str:
    """ "sad lofi with piano and rain, no drums"."""
    text = " ".join([*adjectives, dice.pick(GENRES)]).strip()
    if nouns:
        text = f"{text} {dice.pick(LINKS)} {enumerate_phrases(nouns, dice)}".strip()
    parts = [part for part in (text, *occasions, *clauses) if part]
    if not text or not clauses or dice.chance(0.5):
        return ", ".join(parts)
    link = dice.pick((", ", " but ", ". ", " and ", " "))
    return f"{' '.join([text, *occasions])}{link}{', '.join(clauses)}"


def _as_chat(adjectives: list[str], nouns: list[str], clauses: list[str], dice: Dice) -> str:
    """ "can you make something sad? i'd like a piano. no drums." """
    said = (
        [f"{dice.pick(OPENERS)} {dice.pick(GENRES) or 'lofi'} {dice.pick(PURPOSES)}".strip()]
        if dice.chance(0.6)
        else []
    )
    if adjectives:
        said.append(dice.pick(SHOULD_BE).format(enumerate_phrases(adjectives, dice)))
    while nouns:
        count = 1 + dice.below(3)
        said.append(dice.pick(SHOULD_HAVE).format(enumerate_phrases(nouns[:count], dice)))
        nouns = nouns[count:]
    said += clauses
    if dice.chance(0.5):
        dice.shuffle(said)
    return dice.pick((". ", ". ", ", ", "\n", "! ", "... ")).join(said) + dice.pick(("", ".", " thanks!"))


def _as_notes(adjectives: list[str], nouns: list[str], clauses: list[str], dice: Dice) -> str:
    """ "mood: sad\\ninstruments: piano, rain\\nno drums"."""
    if dice.chance(0.3):
        phrases = adjectives + nouns + clauses
        dice.shuffle(phrases)
        return "\n".join(f"- {phrase}" for phrase in phrases)
    parts = [f"genre: {dice.pick(GENRES) or 'lofi'}"] if dice.chance(0.5) else []
    if adjectives:
        parts.append(f"{dice.pick(('mood', 'feel', 'style', 'vibe'))}: {', '.join(adjectives)}")
    if nouns:
        parts.append(f"{dice.pick(('instruments', 'sounds', 'with', 'elements'))}: {', '.join(nouns)}")
    return dice.pick(("\n", "; ", " | ", " / ")).join([*parts, *clauses])


def _denials_first(
    adjectives: list[str], nouns: list[str], clauses: list[str], occasions: list[str], dice: Dice
) -> str:
    """ "no drums, sad lofi with piano"."""
    text = _as_title(adjectives, nouns, [], occasions, dice)
    return dice.pick((", ", ". ", ". ", "! ", " - ", "; ")).join([*clauses, *([text] if text else [])])
