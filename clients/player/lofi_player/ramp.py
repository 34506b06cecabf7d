"""The factor that samples are multiplied by: it never jumps, since a jump is a click."""

from __future__ import annotations

import numpy as np

from lofi_player.sound import Frames

RAMP_SEC = 0.015


class Ramp:
    """Goes in a straight line from where it is to where it is told, within RAMP_SEC."""

    def __init__(self, value: float) -> None:
        self._value = value
        self._target = value
        self._left = 0

    def to(self, target: float, sample_rate: int, sec: float = RAMP_SEC) -> int:
        """Head for `target`; returns in how many frames it is there."""
        self._target = target
        self._left = 0 if target == self._value else max(1, round(sec * sample_rate))
        return self._left

    def jump(self, value: float) -> None:
        """Be there at once, where nothing is heard that could click."""
        self._value = self._target = value
        self._left = 0

    @property
    def value(self) -> float:
        return self._value

    def apply(self, block: Frames) -> Frames:
        """The block, multiplied; the ramp moves on by its length."""
        if not self._left:
            return block if self._value == 1.0 else block * np.float32(self._value)
        steps = min(self._left, len(block))
        step = (self._target - self._value) / self._left
        factors = np.full(len(block), self._target, np.float32)
        factors[:steps] = self._value + step * np.arange(1, steps + 1)
        self._left -= steps
        self._value = self._target if not self._left else self._value + step * steps
        return block * factors[:, None]
