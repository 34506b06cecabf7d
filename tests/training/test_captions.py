"""Captions say what they claim to say, and a wide choice of words is behind them."""

from __future__ import annotations

import re
from itertools import chain

import numpy as np
import pytest

from training.attributes import BPM_MAX, BPM_MIN, Attributes, sample_attributes
from training.captions import vocabulary as words
from training.captions import write_caption
from training.captions.phrases import deny, say_bpm, say_key
from training.draws import caption

COUNT = 1_500


def captions() -> list[tuple[str, Attributes, frozenset[str]]]:
    return [caption(2, i, noise=False) for i in range(COUNT)]


def says_any(text: str, phrases: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<![a-z]){re.escape(phrase.lower())}", text.lower()) for phrase in phrases)


def test_a_caption_is_the_same_every_time() -> None:
    assert caption(2, 7) == caption(2, 7)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("keys", words.KEYS_WORDS),
        ("bass", words.BASS_WORDS),
        ("tone", {k: (*v, *words.TONE_ADJECTIVES[k]) for k, v in words.TONE_WORDS.items()}),
        ("density", words.DENSITY_WORDS),
        ("swing", words.SWING_WORDS),
    ],
)
def test_what_is_stated_is_said(name: str, table: dict[str, tuple[str, ...]]) -> None:
    stated = 0
    for text, attributes, states in captions():
        if name in states:
            stated += 1
            assert says_any(text, table[getattr(attributes, name)]), text
    assert stated > COUNT / 50


def test_a_stated_tempo_is_the_tracks_or_beyond_its_edge() -> None:
    for text, attributes, states in captions():
        numbers = [
            int(n) for n in re.findall(r"(?<!\d)(\d{2,3})(?!\d)", text) if n not in ("808", "80", "90")
        ]
        if "bpm" in states and len(numbers) == 1 and "80s" not in text and "90s" not in text:
            assert min(max(numbers[0], BPM_MIN), BPM_MAX) == attributes.bpm, text


def test_rain_and_vinyl_are_claimed_only_where_they_are() -> None:
    for text, attributes, states in captions():
        for name, phrases in (("rain", words.RAIN_WORDS), ("vinyl", words.VINYL_WORDS)):
            if name in states and getattr(attributes, name):
                assert says_any(text, phrases), text


def test_no_word_stands_under_two_values_of_an_attribute() -> None:
    tables = (
        words.MODE_WORDS, words.KEYS_WORDS, words.LEAD_WORDS, words.BASS_WORDS, words.DRUM_WORDS,
        words.TONE_WORDS, words.DENSITY_WORDS, dict(enumerate(words.TEMPO_WORDS)),
    )  # fmt: skip
    for table in tables:
        everything = list(chain.from_iterable(table.values()))
        assert len(everything) == len(set(everything))


def test_drums_can_be_denied_in_many_ways() -> None:
    rng = np.random.default_rng(0)
    ways = {deny("drums", rng) for _ in range(400)}
    assert {"no drums", "without drums", "drumless"} <= ways
    assert len(ways) > 60


def test_tempo_and_key_have_many_forms() -> None:
    rng = np.random.default_rng(0)
    said = {say_bpm(72, rng) for _ in range(400)}
    assert {"72 bpm", "72bpm", "seventy two bpm"} <= said
    assert {"in Db minor", "C sharp minor", "key: C# minor"} <= {
        say_key(1, "minor", rng) for _ in range(2_000)
    }


def test_noise_changes_words_but_never_digits() -> None:
    for index in range(400):
        rng = np.random.default_rng(index)
        attributes = sample_attributes(rng)
        text = write_caption(attributes, rng).text
        assert text.strip()
        assert len(text) < 1_200
