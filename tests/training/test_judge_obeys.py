"""A lost kit is a miss, and what others ask for is obeyed by chance only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.attributes import Attributes, sample_attributes
from training.judge.obeys import FREEHAND_SEEDS, expectations_right, following, hear_tempo, statements_right
from training.judge.prompts import Freehand, Held
from training.judge.takes import Take

DRAWN = [sample_attributes(np.random.default_rng(i)) for i in range(100)]


def headed(header: Attributes | None) -> Take:
    return Take("", 0, np.zeros((4, 6), np.int64), np.zeros(0, np.float32), header)


def test_a_take_without_the_kit_that_is_stated_is_a_miss() -> None:
    wanted = replace(DRAWN[0], drums="brushes")
    silent = headed(replace(wanted, drums="none"))
    lost = {"stated_bpm_heard": False, "stated_bpm_heard_librosa": False}
    assert hear_tempo((silent, Held("", wanted, frozenset(("bpm", "drums"))))) == lost
    assert hear_tempo((silent, Held("", wanted, frozenset(("bpm",))))) == {}
    assert hear_tempo((headed(None), Held("", wanted, frozenset(("bpm",))))) == lost


def test_headers_of_the_next_caption_are_right_by_chance() -> None:
    held = [Held("", each, frozenset(("key", "bpm"))) for each in DRAWN]
    takes = [headed(each) for each in DRAWN]
    assert statements_right(held, takes)["stated_key"].value == 1
    assert statements_right(following(held), takes)["stated_key"].value < 0.25


def test_headers_of_the_next_prompt_are_right_by_chance() -> None:
    prompts = [Freehand("", {"keys": each.keys, "lead": each.lead}) for each in DRAWN]
    takes = [headed(each) for each in DRAWN for _ in range(FREEHAND_SEEDS)]
    assert expectations_right(prompts, takes)[0]["freehand_prompts"].value == 1
    assert expectations_right(following(prompts), takes)[0]["freehand_prompts"].value < 0.3
