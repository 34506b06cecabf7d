"""The free-hand prompts can all be judged, and the tokenizer that ships takes any text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from training.attributes import sample_attributes
from training.draws import caption
from training.judge import prompts
from training.judge.lists import STRANGE
from training.judge.prompts import FREEHAND, every_statement, meets, missed, read_expected, read_freehand
from training.obedience import STATABLE, obeyed
from training.tokenizer import encode_prompt

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"


@pytest.mark.parametrize(("path", "least"), [(FREEHAND, 90), (FREEHAND.with_name("practice.tsv"), 60)])
def test_every_expectation_can_be_met_and_missed(path: Path, least: int) -> None:
    found = read_freehand(path)
    assert len(found) >= least
    _check([(prompt.text, prompt.expected) for prompt in found])


def test_what_strange_prompts_ask_for_can_be_met_and_missed() -> None:
    _check([(text, read_expected(expected)) for text, expected in STRANGE])


def _check(asked: list[tuple[str, dict[str, str]]]) -> None:
    headers = [sample_attributes(np.random.default_rng(i)) for i in range(800)]
    for text, expected in asked:
        for name, value in expected.items():
            met = [meets(name, value, header) for header in headers]
            assert any(met) and not all(met), (text, name, value)


def test_practice_and_judged_prompts_have_none_in_common() -> None:
    judged = {prompt.text.lower() for prompt in read_freehand()}
    practised = {prompt.text.lower() for prompt in read_freehand(FREEHAND.with_name("practice.tsv"))}
    assert not judged & practised


def test_a_wrong_instrument_is_missed() -> None:
    got = replace(sample_attributes(np.random.default_rng(0)), keys="rhodes", lead="flute", drums="808")
    assert missed({"any": "rhodes", "lead": "flute", "drums": "yes"}, got) == []
    assert missed({"lead": "trumpet", "any": "piano", "drums": "none"}, got) == ["lead", "any", "drums"]
    assert missed({"lead": "flute"}, None) == ["lead"]


def test_held_out_captions_state_everything_often_enough() -> None:
    held = every_statement(50, 5)
    for name in STATABLE:
        assert sum(name in each.states for each in held) >= 5
    assert len({each.text for each in held}) > 0.9 * len(held)


def test_a_statement_that_captions_lack_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "STATABLE", (*STATABLE, "tuba"))
    monkeypatch.setattr(prompts, "MOST_CAPTIONS", 50)
    with pytest.raises(ValueError, match="tuba"):
        every_statement(1, 1)


def test_an_unknown_expectation_is_refused() -> None:
    with pytest.raises(ValueError, match="no such expectation"):
        meets("tuba", "yes", sample_attributes(np.random.default_rng(0)))


def test_obedience_of_a_track_to_itself() -> None:
    for index in range(50):
        _, attributes, states = caption(2, index)
        assert all(obeyed(name, attributes, attributes) for name in states)


def test_the_tokenizer_takes_anything_and_keeps_the_end() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    end = tokenizer.token_to_id("</s>")
    for text in [*(text for text, _ in STRANGE), "", "x" * 1_000]:
        ids = encode_prompt(tokenizer, text, 256)
        assert 1 <= len(ids) <= 256
        assert ids[-1] == end and ids.count(end) == 1


def test_captions_hold_no_unknown_tokens_and_a_tempo_is_one_token() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    unknown = tokenizer.token_to_id("<unk>")
    for index in range(200):
        text, _, _ = caption(2, index, noise=False)
        assert unknown not in tokenizer.encode(text).ids, text
    assert [tokenizer.encode(text).tokens[0] for text in ("85bpm", "68bpm")] == ["85", "68"]
