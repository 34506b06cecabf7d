"""The free-hand prompts can all be judged, and the tokenizer that ships takes any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from training.draws import caption, track
from training.judge.prompts import STRANGE, meets, read_freehand
from training.obedience import obeyed
from training.tokenizer import encode_prompt

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"


def test_every_expectation_can_be_met_and_missed() -> None:
    headers = [track(2, i, bars=1)[0] for i in range(400)]
    prompts = read_freehand()
    assert len(prompts) >= 60
    for prompt in prompts:
        for name, value in prompt.expected.items():
            met = [meets(name, value, header) for header in headers]
            assert any(met) and not all(met), (prompt.text, name, value)


def test_an_unknown_expectation_is_refused() -> None:
    with pytest.raises(ValueError, match="no such expectation"):
        meets("tuba", "yes", track(2, 0, bars=1)[0])


def test_obedience_of_a_track_to_itself() -> None:
    for index in range(50):
        _, attributes, states = caption(2, index)
        assert all(obeyed(name, attributes, attributes) for name in states)


def test_the_tokenizer_takes_anything_and_keeps_the_end() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    end = tokenizer.token_to_id("</s>")
    for text in [*STRANGE, "", "x" * 1_000]:
        ids = encode_prompt(tokenizer, text, 256)
        assert 1 <= len(ids) <= 256
        assert ids[-1] == end and ids.count(end) == 1


def test_captions_hold_no_unknown_tokens_and_digits_stand_alone() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    unknown = tokenizer.token_to_id("<unk>")
    for index in range(200):
        text, _, _ = caption(2, index, noise=False)
        assert unknown not in tokenizer.encode(text).ids, text
    assert tokenizer.encode("85bpm").tokens[:2] == ["8", "5"]
