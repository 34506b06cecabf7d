"""Captions say what they claim to say, and a wide choice of words is behind them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from itertools import chain

import numpy as np
import pytest

from training.attributes import BPM_MAX, BPM_MIN, Attributes, sample_attributes
from training.captions import contrast, negation
from training.captions.dice import Dice
from training.captions.draft import Draft
from training.captions.filler import GENRES, OCCASIONS, OPENERS, SENTENCES, THINGS
from training.captions.foreign import LANGUAGES
from training.captions.lexicon import PHRASES, values_of
from training.captions.moods import GENRES as MOOD_GENRES
from training.captions.moods import MOODS
from training.captions.phrases import say_bpm, say_key
from training.captions.roles import Role, Value
from training.captions.slips import EMOJI, mistype_some
from training.captions.sound_words import BASS_NONE, TONE_PREFIXES
from training.captions.time_words import DRUMLESS
from training.draws import caption
from training.obedience import STATABLE

COUNT = 4_000
RARELY = 0.03  # of captions: how often anything is stated at least


@pytest.fixture(scope="module")
def captions() -> list[tuple[str, Attributes, frozenset[str]]]:
    return [caption(2, i, noise=False) for i in range(COUNT)]


def dice(seed: int = 0) -> Dice:
    return Dice(np.random.default_rng(seed))


def plain(text: str) -> str:
    """As the tokenizer reads it: no capitals, no accents, no hyphens."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub("[-_]+", " ", bare.lower())


def ways_to_say() -> dict[tuple[str, Value], set[str]]:
    """Every phrase, by what it stands for; denials by the names of what is denied."""
    ways: dict[tuple[str, Value], set[str]] = defaultdict(set)
    for name, words in PHRASES.items():
        for value, phrases in words.items():
            ways[name, value] |= {text for text, _ in phrases}
    for values, _, texts in MOODS + MOOD_GENRES:
        for each in values.items():
            ways[each] |= set(texts)
    for language in LANGUAGES:
        for each, texts in language.words.items():
            ways[each] |= set(texts)
        for name, texts in language.denied.items():
            ways[name, "none" if name in ("drums", "bass", "lead") else False] |= set(texts)
    for name, texts in negation.NAMES.items():
        for stated in negation.STATED.get(name, ()):
            ways[stated, "none" if stated in ("drums", "bass", "lead") else False] |= set(texts)
    for table in (contrast.ADJECTIVES, contrast.NOUNS):
        for name, by_value in table.items():
            for value, texts in by_value.items():
                ways[name, value] |= set(texts)
    for tone, texts in TONE_PREFIXES.items():
        ways["tone", tone] |= set(texts)
    for keys, texts in contrast.KEYS_ALONE.items():
        ways["keys", keys] |= set(texts)
    for lead, text in contrast.LEAD_NAMES.items():
        ways["lead", lead].add(text)
    alone = {form.replace("{}", "").strip() for form in (*contrast.ALONE, *contrast.REMAINING)}
    alone |= {plain(form).replace("{}", "").strip() for each in LANGUAGES for form in each.alone}
    ways["lead", "none"] |= alone
    ways["drums", "none"] |= {*alone, *DRUMLESS}
    ways["bass", "none"] |= {*alone, *BASS_NONE}
    ways["pad", False] |= alone
    for quality, short in (("major", "maj|dur"), ("minor", "m|moll")):
        ways["mode", quality] |= {quality, *short.split("|")}
    return ways


def test_a_caption_is_the_same_every_time() -> None:
    assert caption(2, 7) == caption(2, 7)
    assert caption(2, 7) != caption(2, 8)


def test_what_is_stated_is_said_in_words_that_stand_for_it(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    ways = {each: [plain(text) for text in texts] for each, texts in ways_to_say().items()}
    for text, attributes, states in captions:
        read, values = plain(text), values_of(attributes)
        assert states <= set(STATABLE)
        for name in states - {"bpm", "key"}:
            assert any(phrase in read for phrase in ways[name, values[name]]), (name, values[name], text)


def test_what_is_heard_around_the_music_is_never_named_without_being_stated(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    telling = {
        "rain": r"\b(rain|rainy|raindrops|regen|pluie|lluvia|pioggia|chuva)\b",
        "night": r"\b(crickets|cicadas|grillen|grillons|grillos|grilli)\b",
        "cafe": r"\b(chatter|murmur|people talking)\b",
        "tape": r"\b(cassette|flutter|hiss|kassette)\b",
        "vinyl": r"\b(crackle|vinyl|gramophone|schallplatte)\b",
    }
    seen: Counter[str] = Counter()
    for text, _, states in captions:
        for name, pattern in telling.items():
            if re.search(pattern, plain(text)):
                seen[name] += 1
                # "vinyl hiss" is the record's.
                assert name in states or (name == "tape" and "vinyl" in states), text
    assert min(seen[name] for name in telling) > COUNT / 80


def test_everything_that_can_be_stated_is_stated_often_enough(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    stated: Counter[tuple[str, Value]] = Counter()
    for _, attributes, states in captions:
        values = values_of(attributes) | {"bpm": 0, "key": 0}
        stated.update((name, values[name]) for name in states)
    expected = {("bpm", 0), ("key", 0)}
    expected |= {(name, value) for name in PHRASES if not name.startswith("some_") for value in PHRASES[name]}
    expected |= {(name, "none") for name in ("drums", "bass", "lead")}
    expected |= {(name, False) for name in ("vinyl", "rain", "cafe", "night", "tape", "pad", "ending")}
    rare = {each: stated[each] / COUNT for each in expected if stated[each] < RARELY * COUNT}
    assert not rare
    assert {name for name, _ in stated} == set(STATABLE)


def test_no_word_stands_for_two_things() -> None:
    meanings: dict[str, set[object]] = defaultdict(set)
    for name, words in PHRASES.items():
        for value, phrases in words.items():
            texts = [plain(text) for text, _ in phrases]
            assert len(texts) == len(set(texts)), (name, value)
            for text in texts:
                meanings[text].add((name, value))
    for values, _, texts in MOODS + MOOD_GENRES:
        for text in texts:
            meanings[plain(text)].add(tuple(values.items()))
    for language in LANGUAGES:
        for each, texts in language.words.items():
            for text in texts:
                meanings[plain(text)].add(each)
    for text in chain(GENRES, OCCASIONS, OPENERS, THINGS, SENTENCES):
        meanings[plain(text)].add("nothing")
    assert {text: found for text, found in meanings.items() if len(found) > 1} == {}


def test_moods_of_several_attributes_are_said_of_tracks_that_have_them_all(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    found: Counter[str] = Counter()
    for text, attributes, _ in captions:
        for word, values in (
            ("gloomy", ("minor", "dark")), ("sunny", ("major", "bright")), ("brooding", ("minor", "dark")),
            ("radiant", ("major", "bright")),
        ):  # fmt: skip
            if re.search(rf"\b{word}\b", text):
                found[word] += 1
                assert (attributes.mode, attributes.tone) == values, text
    assert len(found) == 4


def test_drums_can_be_denied_in_many_ways_near_and_far() -> None:
    throw = dice()
    ways = {negation.deny("drums", throw) for _ in range(4_000)}
    assert {
        "no drums",
        "without drums",
        "drumless",
        "leave the percussion out",
        "i don't want any drums",
    } <= ways
    assert len(ways) > 300
    pairs = {negation.deny_all(["drums", "bass"], throw) for _ in range(2_000)}
    assert {"no drums or bass", "neither drums nor bass"} <= pairs
    lists = {negation.deny_all(["drums", "vinyl", "rain"], throw) for _ in range(4_000)}
    assert "without drums, vinyl or rain" in lists


def test_nothing_but_another_denial_is_joined_to_a_denial_by_and(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    for text, _, _ in captions:
        assert not re.search(r"\b(?:no|without) (?:drums|bass|rain|vinyl) and (?!no\b|without\b)", text), text


def test_only_and_just_name_all_that_plays(captions: list[tuple[str, Attributes, frozenset[str]]]) -> None:
    alone = 0
    for text, attributes, _ in captions:
        if re.search(r"\b(?:solo|unaccompanied|a lone|nothing but) (?:piano|guitar|rhodes)\b", text):
            alone += 1
            assert attributes.drums == "none", text
            assert attributes.keys in text or attributes.lead in text
    assert alone >= 5


def test_a_contrast_names_what_the_track_has_and_denies_what_it_has_not() -> None:
    said = set()
    for index in range(6_000):
        rng = np.random.default_rng(index)
        attributes = sample_attributes(rng)
        draft = Draft(attributes, None)
        contrast.contrast(attributes, draft, Dice(rng))
        text = " ".join(draft.said[Role.CLAUSE])
        for match in re.finditer(r"not (sad|happy) but (sad|happy|cheerful|melancholic|jazzy)$", text):
            said.add(match[0])
            right = {"sad": "minor", "melancholic": "minor", "jazzy": "jazzy"}.get(match[2], "major")
            assert (attributes.mode, draft.states) == (right, {"mode"})
        for match in re.finditer(r"instead of (guitar|piano|rhodes) use (guitar|piano|rhodes)$", text):
            said.add(match[0])
            assert (attributes.keys, draft.states) == (match[2], {"keys"})
            assert match[1] not in (attributes.keys, attributes.lead)
    assert {"not sad but happy", "instead of guitar use piano"} <= said


def test_a_stated_tempo_is_the_tracks_or_beyond_its_edge(
    captions: list[tuple[str, Attributes, frozenset[str]]],
) -> None:
    checked = 0
    for text, attributes, states in captions:
        numbers = [int(n) for n in re.findall(r"(?<![\d#])(\d{2,3})(?!\d|s|am)", text) if n != "808"]
        if "bpm" in states and len(numbers) == 1:
            checked += 1
            assert min(max(numbers[0], BPM_MIN), BPM_MAX) == attributes.bpm, text
    assert checked > COUNT / 10


def test_tempo_and_key_have_many_forms() -> None:
    throw = dice()
    said = {say_bpm(72, throw) for _ in range(2_000)}
    assert {
        "72 bpm",
        "72bpm",
        "72 BPM",
        "tempo 72",
        "at seventy two bpm",
        "72 beats a minute",
        "~72 bpm",
    } <= said
    keys = {say_key(6, "minor", throw) for _ in range(4_000)}
    assert {"in F#m", "F# minor", "in F sharp minor", "key: Gb minor", "in the key of F# minor"} <= keys
    assert {"in D-Moll", "in Dm"} <= {say_key(2, "minor", throw) for _ in range(4_000)}
    # "a major key" is any major key.
    assert not any("major key" in say_key(9, "major", throw) for _ in range(2_000))


def test_slips_change_words_of_four_letters_or_more_and_never_digits() -> None:
    text = "72bpm sad piano in F# minor, 808 drums, rain at 64 bpm"
    changed: Counter[int] = Counter()
    words = text.split()
    for index in range(400):
        slipped = mistype_some(text, dice(index), 3).split(" ")
        assert len(slipped) == len(words)
        for at, (before, after) in enumerate(zip(words, slipped, strict=True)):
            changed[at] += before != after
            if len(before) < 4 or not before.isalpha():
                assert before == after
    assert changed[words.index("piano")] > 100
    assert changed[words.index("rain")] > 100


def test_noise_leaves_music_readable_and_prompts_short_enough() -> None:
    longest, emoji = 0, 0
    for index in range(3_000):
        text, attributes, states = caption(3, index)
        assert text.strip()
        longest = max(longest, len(text))
        values = values_of(attributes)
        for (name, value), symbols in EMOJI.items():
            if any(symbol in text for symbol in symbols):
                emoji += 1
                assert name in states and values[name] == value, text
    assert 700 < longest < 1_400
    assert emoji > 20
