"""What a caption says of its track, phrase by phrase, and what it has stated with that."""

from __future__ import annotations

from training.attributes import Attributes
from training.captions import negation
from training.captions.contrast import contrast, hint, only
from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.lexicon import PHRASES
from training.captions.moods import GENRES, MOODS
from training.captions.phrases import say_bpm, say_key
from training.captions.roles import Role, Value
from training.captions.sound_words import TONE_PREFIXES

# How often a value is said, before the caption's own liking for detail (0.15 to 1.5, 0.8 on average).
SAID: dict[str, dict[Value, float]] = {
    "keys": {"rhodes": 0.55, "piano": 0.55, "guitar": 0.55, "pad": 0.55},
    "lead": {
        "none": 0.1, "flute": 0.6, "bell": 0.6, "vibes": 0.6, "guitar": 0.6, "piano": 0.6, "trumpet": 0.65,
        "sax": 0.65,
    },
    "bass": {"sub": 0.3, "upright": 0.3},
    "some_bass": {True: 0.03},
    "drums": {"boombap": 0.35, "brushes": 0.4, "808": 0.45},
    "some_drums": {True: 0.14},
    "tempo_word": {0: 0.28, 1: 0.22, 2: 0.28},
    "density": {"sparse": 0.28, "medium": 0.18, "busy": 0.28},
    "swing": {"straight": 0.26, "light": 0.26, "heavy": 0.28},
    "mode": {"major": 0.42, "minor": 0.42, "jazzy": 0.45},
    "tone": {"dark": 0.3, "warm": 0.26, "bright": 0.32},
    "pad": {True: 0.3},
    "vinyl": {True: 0.4},
    "rain": {True: 0.45},
    "cafe": {True: 0.5},
    "night": {True: 0.5},
    "tape": {True: 0.35},
    "ending": {True: 0.32, False: 0.06},
}  # fmt: skip
DENIED = {
    "drums": 0.6, "bass": 0.7, "lead": 0.2, "vinyl": 0.08, "rain": 0.05, "cafe": 0.03, "night": 0.03,
    "tape": 0.06, "pad": 0.08, "ending": 0.03,
}  # fmt: skip
EMBELLISHED = 0.08
DEGREES = (
    "very", "really", "quite", "super", "kind of", "a bit", "pretty", "so", "rather", "extremely", "somewhat",
)  # fmt: skip
EPITHETS = ("nice", "some", "lovely", "beautiful", "cool", "good", "a bit of", "great", "really nice")
ARTICLES = ("a ", "an ", "the ", "some ", "no ")
BPM, KEY, INSTRUMENT = 0.34, 0.3, 0.07
MOOD_TRIES = 5
SWEEPING = 0.06  # "no ambience", where it is true
FOREIGN_WORD = 0.5  # in captions that mix languages
TOGETHER = 0.75  # how often things denied share one denial


def say_all(a: Attributes, draft: Draft, dice: Dice) -> None:
    """Fill the draft."""
    # Some prompts say nearly everything, some one thing.
    detail = 0.15 + 1.35 * dice.roll()
    _say_moods(draft, dice, detail)
    only(a, draft, dice)
    if dice.chance(0.08):
        contrast(a, draft, dice)
    if dice.chance(0.06):
        hint(draft, dice)
    _say_values(a, draft, dice, detail)
    _say_numbers(a, draft, dice, detail)
    _say_absences(a, draft, dice, detail)


def _say_moods(draft: Draft, dice: Dice, detail: float) -> None:
    for _ in range(MOOD_TRIES):
        if not dice.chance(0.45 * detail):
            continue
        states, role, words = dice.pick(MOODS if dice.chance(0.7) else GENRES)
        if draft.has(states):
            draft.say(dice.pick(words), role, *states)


def _say_values(a: Attributes, draft: Draft, dice: Dice, detail: float) -> None:
    values = draft.values
    for name, often in SAID.items():
        value = values[name]
        share = often.get(value)
        if share is None or not dice.chance(share * detail) or name in draft.states:
            continue
        if draft.language is not None and dice.chance(FOREIGN_WORD) and draft.say_foreign(name, dice):
            continue
        if name in ("some_drums", "some_bass") and name[5:] in draft.states:
            continue
        text, role = dice.pick(PHRASES[name][value])
        if (
            name == "keys"
            and dice.chance(0.1)
            and "tone" not in draft.states
            and text[:2] not in ("a ", "an")
        ):
            text = f"{dice.pick(TONE_PREFIXES[a.tone])} {text}"
            draft.states.add("tone")
        elif dice.chance(EMBELLISHED):
            text = _embellish(text, role, dice)
        draft.say(text, role, name)


def _embellish(text: str, role: Role, dice: Dice) -> str:
    """The same, with a word more that changes nothing."""
    match role:
        case Role.ADJECTIVE:
            return f"{dice.pick(DEGREES)} {text}"
        case Role.NOUN if not text.startswith(ARTICLES):
            return f"{dice.pick(EPITHETS)} {text}"
        case _:
            return f"{text} please"


def _say_numbers(a: Attributes, draft: Draft, dice: Dice, detail: float) -> None:
    if dice.chance(BPM * detail):
        draft.say(say_bpm(a.bpm, dice), Role.CLAUSE, "bpm")
    if dice.chance(KEY * detail):
        # "in D minor" alone must not stand for a jazzy track, which may be in either scale.
        quality = "" if a.mode == "jazzy" or dice.chance(0.15) else a.mode
        draft.say(say_key(a.key, quality, dice), Role.CLAUSE, "key", *(("mode",) if quality else ()))


def _say_absences(a: Attributes, draft: Draft, dice: Dice, detail: float) -> None:
    absent = negation.absences(a)
    denied = [what for what in absent if what not in draft.states and dice.chance(DENIED[what] * detail)]
    if dice.chance(INSTRUMENT * detail):
        denied.append(dice.pick(negation.absent_instruments(a)))
    if dice.chance(SWEEPING * detail) and not (a.rain or a.cafe or a.night):
        denied.append("ambience" if a.vinyl or a.tape or dice.chance(0.5) else "noise")
    dice.shuffle(denied)
    while denied:
        count = min(len(denied), 2 + dice.below(2)) if dice.chance(TOGETHER) else 1
        together, denied = denied[:count], denied[count:]
        text = negation.deny(together[0], dice) if count == 1 else negation.deny_all(together, dice)
        draft.say(text, Role.CLAUSE, *(name for what in together for name in negation.STATED.get(what, ())))
