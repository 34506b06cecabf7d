"""What a composer settles before the first note and no prompt says: form, two loops, the chords' style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes, pick
from training.composer.progressions import loops
from training.composer.theory import STYLES

BLOCK_BARS = 4
# One letter for each four bars: i = A after a thin opening, A and B = the two loops, k = a break. After the
# eighth the form begins again, without its opening.
FORMS = ("AAAAAAAA", "AABBAABB", "iAABAAkB", "iABAkABA", "ABABkBAB", "iAAABBAA", "AAABAAkB", "iAABkAAB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """form: index into FORMS; loop_a, loop_b: indices into loops(); style: index into STYLES."""

    form: int
    loop_a: int
    loop_b: int
    style: int


def section_at(form: int, block: int) -> str:
    """The letter of block `block` (four bars each) of a form."""
    letters = FORMS[form]
    return letters[block] if block < len(letters) else letters[block % len(letters)].replace("i", "A")


def sample_plan(attributes: Attributes, rng: np.random.Generator) -> Plan:
    """Two loops of one scale, a form and a style."""
    choices = [i for i, loop in enumerate(loops()) if loop.mode == attributes.mode]
    loop_a = pick(rng, choices)
    others = [i for i in choices if i != loop_a and loops()[i].scale == loops()[loop_a].scale]
    # Jazz does without triads and added ninths.
    styles = len(STYLES) - 1 if attributes.mode == "jazzy" else len(STYLES)
    return Plan(
        form=int(rng.integers(len(FORMS))),
        loop_a=loop_a,
        loop_b=pick(rng, others),
        style=int(rng.integers(styles)),
    )
