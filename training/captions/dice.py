"""Random choices from one generator, many times faster than asking it for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
BATCH = 64


class Dice:
    """Choices that follow from the generator's state; it draws `BATCH` numbers at a time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rolls = iter(rng.random(BATCH).tolist())

    def roll(self) -> float:
        """Evenly from [0, 1)."""
        for number in self._rolls:
            return float(number)
        self._rolls = iter(self._rng.random(BATCH).tolist())
        return self.roll()

    def chance(self, probability: float) -> bool:
        return self.roll() < probability

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound - 1."""
        return int(self.roll() * bound)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.roll() * len(options))]

    def shuffle(self, items: list[T]) -> None:
        for last in range(len(items) - 1, 0, -1):
            at = self.below(last + 1)
            items[at], items[last] = items[last], items[at]
