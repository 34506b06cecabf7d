"""Random bytes for whatever reads bytes from outside. `python -m tests.fuzz` runs many more."""

from __future__ import annotations

import pytest

from tests.fuzz.run import ROUND, Tally, fuzz
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_any_input_is_taken_or_refused(target: Target) -> None:
    tally = Tally()
    fuzz(target, ROUND, 0, tally)
    assert tally.inputs >= ROUND
    assert 0 < tally.taken < tally.inputs  # the inputs reach both sides
