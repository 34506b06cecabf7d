"""What is meant, said by what is not: contrasts ("not sad but happy") and "only" ("just piano")."""

from __future__ import annotations

from training.attributes import Attributes
from training.captions import negation
from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.roles import Role, Value

ADJECTIVES: dict[str, dict[Value, tuple[str, ...]]] = {
    "mode": {
        "major": ("happy", "cheerful", "uplifting"), "minor": ("sad", "melancholic", "moody"),
        "jazzy": ("jazzy",),
    },
    "tempo_word": {0: ("slow",), 1: ("mid-tempo", "moderate"), 2: ("fast", "upbeat", "quick")},
    "density": {"sparse": ("sparse", "minimal", "simple"), "busy": ("busy", "dense", "complex")},
    "tone": {
        "dark": ("dark", "muffled"), "warm": ("warm", "mellow"), "bright": ("bright", "crisp", "clear"),
    },
}  # fmt: skip
NOUNS: dict[str, dict[Value, tuple[str, ...]]] = {
    "keys": {
        "rhodes": ("rhodes", "electric piano"), "piano": ("piano",), "guitar": ("guitar", "acoustic guitar"),
        "pad": ("synth pads", "synths"),
    },
    "lead": {
        "flute": ("flute",), "bell": ("bells", "music box"), "vibes": ("vibraphone",),
        "trumpet": ("trumpet",), "sax": ("sax", "saxophone"),
    },
    "bass": {"sub": ("sub bass",), "upright": ("upright bass", "double bass")},
    "drums": {
        "boombap": ("boom bap drums", "hip hop drums"), "brushes": ("brushes", "soft drums"),
        "808": ("808s", "808 drums"),
    },
}  # fmt: skip
ADJECTIVE_FORMS = (
    "not {wrong} but {right}", "{right}, not {wrong}", "{right} rather than {wrong}",
    "{right} instead of {wrong}", "not {wrong}, {right}", "{right} and not {wrong}",
    "don't make it {wrong}, make it {right}", "less {wrong}, more {right}",
    "it shouldn't be {wrong}, it should be {right}", "rather {right} than {wrong}",
    "more {right} than {wrong}", "anything but {wrong}, so {right}",
)  # fmt: skip
NOUN_FORMS = (
    "{right} instead of {wrong}", "instead of {wrong} use {right}", "no {wrong}, {right} instead",
    "swap the {wrong} for {right}", "not {wrong} but {right}", "{right}, not {wrong}",
    "{right} rather than {wrong}", "replace the {wrong} with {right}", "no {wrong} but {right}",
    "i'm bored of {wrong}, use {right}", "don't use {wrong}, use {right}", "use {right} and no {wrong}",
)  # fmt: skip
# True of more than one value, so that they state none: ruled out is the value.
HINTS: tuple[tuple[str, Value, tuple[str, ...]], ...] = (
    ("tempo_word", 2, ("not too fast", "nothing fast", "not so fast")),
    ("tempo_word", 0, ("not too slow", "nothing slow", "not so slow")),
    ("density", "busy", ("not too busy", "nothing busy", "not too many notes")),
    ("density", "sparse", ("not too sparse", "not too empty", "nothing minimal")),
    ("mode", "minor", ("nothing sad", "not sad", "don't make it sad")),
    ("mode", "major", ("nothing happy", "not happy", "not too cheerful")),
    ("mode", "jazzy", ("not jazzy", "no jazz", "nothing jazzy")),
    ("tone", "bright", ("not too bright", "nothing shiny")),
    ("tone", "dark", ("not too dark", "not muffled")),
)  # fmt: skip
PLAINLY_ALONE = ("solo {}", "only {}", "just {}")  # what most people type
ALONE = (
    "solo {}", "only {}", "just {}", "nothing but {}", "{} only", "{} alone", "unaccompanied {}",
    "just the {}", "only the {}", "{} and nothing else", "{} by itself", "{} on its own", "purely {}",
    "{}, nothing else", "just {} please", "solo {}", "only {}", "just some {}", "a lone {}",
    "i only want {}", "i just want {}", "only {}, that's it", "just {} all by itself",
)  # fmt: skip
REMAINING = ("only {}", "just {}", "only the {}", "nothing but {}", "just some {}")
KEYS_ALONE = {"rhodes": ("rhodes", "electric piano"), "piano": ("piano", "felt piano", "soft piano"),
              "guitar": ("guitar", "acoustic guitar", "nylon guitar"),
              "pad": ("synth pads", "pads", "synths")}  # fmt: skip
LEAD_NAMES = {"flute": "flute", "bell": "bells", "vibes": "vibraphone", "guitar": "a guitar melody",
              "piano": "a piano melody", "trumpet": "trumpet", "sax": "sax"}  # fmt: skip


def contrast(a: Attributes, draft: Draft, dice: Dice) -> None:
    """Say one value by naming another that the track does not have; nothing where that would be untrue."""
    table, forms = (ADJECTIVES, ADJECTIVE_FORMS) if dice.chance(0.5) else (NOUNS, NOUN_FORMS)
    name = dice.pick(list(table))
    right = draft.values[name]
    # Whatever plays must not be the wrong one, in any role; a pad layer sounds like synth pads.
    playing = (right, a.keys, a.lead, "pad" if a.pad else "")
    wrong = [value for value in table[name] if value not in playing]
    if name in draft.states or right not in table[name] or not wrong:
        return
    text = dice.pick(forms).format(
        right=dice.pick(table[name][right]), wrong=dice.pick(table[name][dice.pick(wrong)])
    )
    draft.say(text, Role.CLAUSE, name)


def hint(draft: Draft, dice: Dice) -> None:
    """Rule one value out without saying which of the others it is."""
    name, ruled_out, texts = dice.pick(HINTS)
    if name not in draft.states and draft.values[name] != ruled_out:
        draft.say(dice.pick(texts), Role.CLAUSE)


def only(a: Attributes, draft: Draft, dice: Dice) -> None:
    """ "just piano", "no drums, only guitar": said of tracks without drums; names the keys and the lead."""
    if a.drums != "none" or "keys" in draft.states or "lead" in draft.states:
        return
    if a.lead == "none" and a.bass == "none" and not a.pad and dice.chance(0.8):
        draft.say(
            dice.pick(PLAINLY_ALONE if dice.chance(0.5) else ALONE).format(dice.pick(KEYS_ALONE[a.keys])),
            Role.CLAUSE,
            "keys",
            "lead",
            "drums",
            "bass",
            "pad",
        )
    elif dice.chance(0.25):
        names = [dice.pick(KEYS_ALONE[a.keys])]
        if a.lead != "none":
            names.append(LEAD_NAMES[a.lead])
        states = ["keys", "lead", "drums"]
        if a.rain and dice.chance(0.4):
            names.append("rain")
            states.append("rain")
        dice.shuffle(names)
        rest = dice.pick(REMAINING).format(" and ".join(names))
        if a.bass == "none" and dice.chance(0.6):
            states.append("bass")
            denial = negation.deny_all(["drums", "bass"], dice)
        else:
            denial = negation.deny("drums", dice)
        draft.say(f"{denial}{dice.pick((', ', '. ', ' - ', ', ', ' but '))}{rest}", Role.CLAUSE, *states)
