"""The list of words that ships with the starter, and the README's prompts."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from lofi_cli.prompts import Words
from lofi_common.manifest import PROMPTS_NAME
from training.draws import caption
from training.judge.prompts import meets, read_freehand
from training.words_file import EXAMPLES, write_words

README_PROMPTS = Path(__file__).with_name("readme_prompts.tsv")
KINDS = {
    "tempo", "mood", "keys", "lead", "bass", "drums", "ambience", "tone", "density", "swing", "key", "ending",
    "genre", "leave out",
}  # fmt: skip
# Forms filled with one tempo, key or pair out of many: captions say some of them, not always the plainest.
FILLED = {
    ("tempo", "in numbers"), ("key", "major"), ("key", "minor"), ("key", "short"), ("leave out", "several"),
}  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    path = tmp_path_factory.mktemp("words") / PROMPTS_NAME
    write_words(path)
    return msgspec.json.decode(path.read_bytes(), type=Words)


def test_every_kind_has_words_for_each_meaning_and_none_twice(words: Words) -> None:
    assert set(words.kinds) == KINDS
    for kind, meanings in words.kinds.items():
        for meaning, said in meanings.items():
            assert len(said) >= 2, (kind, meaning)
            assert len(said) == len(set(said)), (kind, meaning)


def test_the_words_are_those_of_the_captions(words: Words) -> None:
    captions = " \n".join(caption(2, i, noise=False)[0] for i in range(6_000))
    listed = {
        (kind, meaning): said for kind, meanings in words.kinds.items() for meaning, said in meanings.items()
    }
    assert listed.keys() >= FILLED
    for each, said in listed.items():
        wanted = said if each in FILLED else said[:1]
        assert any(re.search(rf"\b{re.escape(word)}\b", captions) for word in wanted), (each, wanted)


def test_the_examples_are_the_readme_prompts_and_can_be_judged() -> None:
    prompts = read_freehand(README_PROMPTS)
    assert tuple(prompt.text for prompt in prompts) == EXAMPLES
    headers = [caption(2, i)[1] for i in range(600)]
    for prompt in prompts:
        assert len(prompt.expected) >= 3
        for name, value in prompt.expected.items():
            met = [meets(name, value, header) for header in headers]
            assert any(met) and not all(met), (prompt.text, name, value)
