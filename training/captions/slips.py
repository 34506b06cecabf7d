"""What happens to a prompt on its way through a keyboard: slips, capitals, lost spaces, symbols."""

from __future__ import annotations

from training.captions.dice import Dice

SHORTEST = 4  # letters of a word that may suffer
NEIGHBOURS = {
    "a": "qsz", "b": "vgn", "c": "xdv", "d": "sfec", "e": "wrd", "f": "dgrv", "g": "fhtb", "h": "gjyn",
    "i": "uok", "j": "hkum", "k": "jlio", "l": "kop", "m": "njk", "n": "bmh", "o": "ipl", "p": "ol",
    "q": "wa", "r": "etf", "s": "adwx", "t": "ryg", "u": "yij", "v": "cbf",
    "w": "qes", "x": "zcs", "y": "tuh", "z": "xa",
}  # fmt: skip
SYMBOLS = (
    "!",
    "!!",
    "...",
    "~",
    "♪",
    "✨",
    "🎧",
    ":)",
    "<3",
    "&",
    "/",
    "—",
    "(1)",
    "\n",
    '"',
    "★",
    "🎶",
    "😴",
    "??",
)
# Said beside the words that they belong to, and only there.
EMOJI = {
    ("rain", True): ("🌧", "☔", "🌧️"), ("lead", "trumpet"): ("🎺",), ("lead", "sax"): ("🎷",),
    ("keys", "guitar"): ("🎸",), ("keys", "piano"): ("🎹",), ("cafe", True): ("☕", "☕️"),
    ("night", True): ("🦗",), ("tape", True): ("📼",),
    ("mode", "minor"): ("😢", "😭"), ("mode", "major"): ("😊", "☀️"),
}  # fmt: skip


def mistype(word: str, dice: Dice) -> str:
    """One letter lost, doubled, swapped with the next, or hit beside its key."""
    at = dice.below(len(word))
    match dice.below(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at] + word[at:]
        case 2:
            at = min(at, len(word) - 2)
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            key = dice.pick(NEIGHBOURS.get(word[at].lower(), word[at]))
            return word[:at] + key + word[at + 1 :]


def mistype_some(text: str, dice: Dice, slips: int) -> str:
    """Up to `slips` slips in words of SHORTEST letters or more; anything with a digit stays as it is."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) >= SHORTEST and word.isalpha()]
    for _ in range(min(slips, len(places))):
        at = dice.pick(places)
        words[at] = mistype(words[at], dice)
    return " ".join(words)


def lose_space(text: str, dice: Dice) -> str:
    """Two words run together, unless one of them has a digit or is too short to be missed."""
    words = text.split(" ")
    places = [
        i for i in range(len(words) - 1) if all(len(w) >= SHORTEST and w.isalpha() for w in words[i : i + 2])
    ]
    if not places:
        return text
    at = dice.pick(places)
    return " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])
