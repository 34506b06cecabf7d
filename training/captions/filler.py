"""What prompts hold besides attributes: genres, occasions, small talk, slips, words never seen."""

from __future__ import annotations

import numpy as np

from training.attributes import pick

GENRES = (
    "lofi", "lo-fi", "lofi hip hop", "lo-fi beats", "chillhop", "lofi music", "study beats",
    "lo-fi hip-hop", "lofi beats", "lofi track", "lo fi", "chill beats", "lofi tune", "lofi instrumental",
    "chill lofi", "lofi song", "lofi loop", "",
)  # fmt: skip
OCCASIONS = (
    "for studying", "to study to", "for coding", "to relax to", "late at night", "for a quiet evening",
    "for focus", "for reading", "chill", "calm", "relaxing", "relaxed", "cozy", "peaceful", "dreamy",
    "beautiful", "aesthetic", "vibey", "chill vibes", "good vibes", "night vibes", "at midnight",
    "in the morning", "sunset", "autumn", "winter", "in tokyo", "anime", "coffee shop", "by the window",
    "city lights", "instrumental", "background music", "for a night drive", "for sleep", "bedroom",
    "homework", "while working", "in the style of an old film", "soothing", "soft", "gentle",
    "with a nice vibe", "chilled", "tranquil", "quiet", "campfire", "forest", "space", "ocean",
    "train ride", "80s", "vintage", "retro", "tender", "lovely", "smooth", "atmospheric", "hazy", "foggy",
    "stars", "like a hug", "comfy", "snow", "cat", "tea", "after work", "on a sunday", "in my room",
    "deep focus", "meditative", "loopable",
)  # fmt: skip
OPENERS = (
    "make", "make me", "give me", "i want", "i need", "please make", "generate", "create", "play",
    "can you make", "could you write", "compose", "something", "looking for", "i would like", "let me hear",
    "produce", "",
)  # fmt: skip
THINGS = (
    "a track",
    "a song",
    "some music",
    "a beat tape track",
    "a piece",
    "a loop",
    "something",
    "a tune",
    "music",
)
SENTENCES = (
    "it should feel like coming home after a long day.",
    "i am writing code and need something that does not distract me.",
    "nothing fancy, just something that keeps going while i work.", "thank you so much!",
    "keep it going for a while.", "think of a small apartment with plants and a desk lamp.",
    "the kind of thing that plays in a little bookstore.",
    "my friends and i listen to this when we play board games.",
    "it is for a video about my trip to the mountains.",
    "imagine the last bus of the night and almost nobody on it.", "no vocals please.", "without vocals.",
    "no singing.", "i will use it as background for a podcast.",
    "the listener should forget what time it is.", "do your best.",
)  # fmt: skip
SYLLABLES = (
    "ka", "ri", "mo", "tel", "sun", "ba", "vor", "li", "ne", "qua", "zi", "dor", "pe", "shi", "lu", "gra",
    "fen", "oz", "ta", "wim", "ex", "yo", "ple", "cho", "und", "est", "avec", "der", "la", "un", "con",
    "het",
)  # fmt: skip
SYMBOLS = ("!", "!!", "...", "~", "♪", "✨", "🎧", "🌧", ":)", "<3", "#", "&", "/", "—", "(1)", "\n", '"', "★")


def strange_word(rng: np.random.Generator) -> str:
    """A word that means nothing here: a name, a foreign word, a slip."""
    return "".join(pick(rng, SYLLABLES) for _ in range(int(rng.integers(1, 4))))


def mistype(text: str, rng: np.random.Generator) -> str:
    """One slip in one word of five letters or more: a letter lost, doubled or swapped. Digits stay."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not places:
        return text
    at = pick(rng, places)
    word = words[at]
    i = int(rng.integers(1, len(word) - 1))
    words[at] = (
        word[:i] + word[i + 1 :],
        word[:i] + word[i] + word[i:],
        word[:i] + word[i + 1] + word[i] + word[i + 2 :],
    )[int(rng.integers(3))]
    return " ".join(words)
