"""What prompts hold besides attributes: genres, occasions, small talk, words never seen."""

from __future__ import annotations

from training.captions.dice import Dice

GENRES = (
    "lofi", "lo-fi", "lofi hip hop", "lo-fi beats", "chillhop", "lofi music", "study beats",
    "lo-fi hip-hop", "lofi beats", "lofi track", "lo fi", "chill beats", "lofi tune", "lofi instrumental",
    "chill lofi", "lofi song", "lofi", "lo-fi music", "lofi chill", "lo-fi track", "beats to relax to", "",
)  # fmt: skip
OCCASIONS = (
    "for studying", "to study to", "for coding", "to relax to", "late at night", "for a quiet evening",
    "for focus", "for reading", "chill", "calm", "relaxing", "relaxed", "cozy", "peaceful", "dreamy",
    "beautiful", "aesthetic", "vibey", "chill vibes", "good vibes", "night vibes", "at midnight",
    "late night", "in the morning", "sunset", "autumn", "winter", "in tokyo", "anime", "coffee shop",
    "by the window", "city lights", "instrumental", "background music", "for a night drive", "bedroom",
    "homework", "while working", "in the style of an old film", "soothing", "soft", "gentle",
    "with a nice vibe", "chilled", "tranquil", "quiet", "space", "ocean", "dusty", "train ride", "80s",
    "vintage", "retro", "tender", "lovely", "smooth", "atmospheric", "hazy", "foggy", "stars",
    "like a hug", "comfy", "snow", "cat", "tea", "after work", "on a sunday", "in my room", "deep focus",
    "for a long flight", "3am", "while i cook", "for my thesis", "for a podcast", "for work",
    "for my video", "at home", "in the library", "with coffee", "on the train", "for writing",
    "for drawing", "for a game", "romantic", "magical", "nice", "cool", "cute", "good", "pretty",
    "japanese", "spring", "study session", "sunday morning", "night", "evening", "for the office",
    "for yoga", "moonlight",
)  # fmt: skip
OPENERS = (
    "make", "make me", "give me", "i want", "i need", "please make", "generate", "create", "play",
    "can you make", "could you write", "compose", "something", "looking for", "i would like",
    "let me hear", "produce", "i'd love", "can i get", "hey, make me", "write me", "i'm looking for",
    "how about", "let's have", "could i have", "build me", "",
)  # fmt: skip
THINGS = (
    "a track", "a song", "some music", "a beat tape track", "a piece", "something", "a tune", "music",
    "a little track", "a short piece", "an instrumental", "some lofi", "a lofi track", "a lo-fi tune",
)  # fmt: skip
SENTENCES = (
    "it should feel like coming home after a long day.",
    "i am writing code and need something that does not distract me.",
    "nothing fancy, just something that keeps going while i work.", "thank you so much!",
    "think of a small apartment with plants and a desk lamp.",
    "the kind of thing that plays in a little bookstore.",
    "my friends and i listen to this when we play board games.",
    "it is for a video about my trip to the mountains.",
    "imagine the last bus of the night and almost nobody on it.", "no vocals please.", "without vocals.",
    "no singing.", "i will use it as background for a podcast.",
    "the listener should forget what time it is.", "do your best.", "hello there!", "how are you today?",
    "i have an exam tomorrow and i can't concentrate.", "my cat is asleep on the keyboard again.",
    "last week i heard something like this in a shop.", "it is past midnight and i am still awake.",
    "i have been looking for music like this for ages.", "you did a great job last time.",
    "i will listen to it on my way to work.", "the weekend was far too short.",
    "we are moving to another city next month.", "my sister says hi.", "surprise me a little.",
    "i know that is a lot to ask.", "take all the time you need, and thanks in advance.",
    "my neighbour is learning to cook and i can smell it.", "i trust your taste.",
    "i am making a game about a small robot.", "there are twelve people in my class.",
    "the deadline is on friday and my manager is not amused.", "i used to live by the sea.",
    "it has to sound like something that i would put on again.", "let me know if that works.",
    "by the way, do you take requests?", "i want to be able to think while it plays.",
)  # fmt: skip
SYLLABLES = (
    "ka", "ri", "mo", "tel", "sun", "ba", "vor", "li", "ne", "qua", "zi", "dor", "pe", "shi", "lu", "gra",
    "fen", "oz", "ta", "wim", "ex", "yo", "ple", "cho", "und", "est", "avec", "der", "la", "un", "con",
    "het",
)  # fmt: skip


def strange_word(dice: Dice) -> str:
    """A word that means nothing here: a name, a foreign word, a slip."""
    return "".join(dice.pick(SYLLABLES) for _ in range(1 + dice.below(3)))
