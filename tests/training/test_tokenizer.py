"""The tokenizer keeps numbers and sharp notes whole and takes any text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tokenizers import Tokenizer

from training.captions.phrases import HIGHEST_SAID, LOWEST_SAID
from training.draws import caption
from training.tokenizer import SHARPS, VOCABULARY, encode_prompt, train_tokenizer

LEARNED_FROM = 6_000


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    def texts() -> Iterator[str]:
        yield from (caption(1, i)[0] for i in range(LEARNED_FROM))

    return train_tokenizer(texts())


def test_every_tempo_is_one_token_of_its_own(tokenizer: Tokenizer) -> None:
    ids = set()
    for number in range(LOWEST_SAID, HIGHEST_SAID + 1):
        for text in (f"{number}bpm", f"bpm={number}", f"at {number} BPM"):
            assert str(number) in tokenizer.encode(text).tokens, text
        ids.add(tokenizer.token_to_id(str(number)))
    assert len(ids) == HIGHEST_SAID - LOWEST_SAID + 1
    assert tokenizer.encode("4711").tokens[:-1] == ["4", "##7", "##1", "##1"]


def test_the_drum_machine_and_decades_are_no_numbers(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("808s 808 90s 90 bpm").tokens[:-1] == ["808s", "808", "90s", "90", "bpm"]


def test_sharp_notes_are_one_token(tokenizer: Tokenizer) -> None:
    for note in SHARPS:
        assert note in tokenizer.encode(f"in {note.upper()} minor").tokens
        assert note in tokenizer.encode(f"in {note}m").tokens
    assert tokenizer.encode("F♯").tokens == tokenizer.encode("f#").tokens
    assert tokenizer.encode("D♭").tokens == tokenizer.encode("Db").tokens


def test_case_accents_hyphens_and_spaces_do_not_matter(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("CAFÉ  Lo-Fi\n\tno   drums").ids == tokenizer.encode("cafe lo fi no drums").ids


@pytest.mark.parametrize(
    "text", ["", " ", "рояль и дождь", "静かな雨", "🐈🎧\x00\t", "<script>", "ß" * 50, "9" * 400]
)
def test_any_text_is_taken(tokenizer: Tokenizer, text: str) -> None:
    ids = encode_prompt(tokenizer, text, 64)
    assert 1 <= len(ids) <= 64
    assert ids[-1] == tokenizer.token_to_id("</s>")


def test_captions_are_known_words_and_the_vocabulary_has_its_size(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= VOCABULARY
    assert sorted(tokenizer.get_vocab().values()) == list(range(tokenizer.get_vocab_size()))
    unknown = tokenizer.token_to_id("<unk>")
    encoded = [encode_prompt(tokenizer, caption(2, i)[0], 256) for i in range(1_000)]
    assert not any(unknown in ids for ids in encoded)
    assert sum(map(len, encoded)) / len(encoded) < 40


def test_it_is_the_same_after_saving(tokenizer: Tokenizer) -> None:
    text = "72bpm, no drums, F# minor & a felt piano 🌧"
    assert Tokenizer.from_str(tokenizer.to_str()).encode(text).ids == tokenizer.encode(text).ids


def test_equal_captions_make_equal_tokenizers() -> None:
    texts = [caption(1, i)[0] for i in range(2_500)]
    first, second = (train_tokenizer(texts).to_str() for _ in range(2))
    assert first == second
