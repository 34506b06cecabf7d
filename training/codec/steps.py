"""What every voice reads from the window's codes: when it is struck, how late, how hard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.codec.clock import WINDOW, Clock
from training.codec.ops import Ops
from training.tokens import CODEBOOKS, STEP_CODES

HUMAN_STEPS = 61  # a prime: velocities don't repeat with the bars
HUMAN_SPREAD = 0.13
Accents = tuple[float, float, float]  # velocity on the beat, on other 8ths, between


class Steps:
    """The window's codes and position. Codes that no step has are read as 0."""

    def __init__(self, ops: Ops, clock: Clock) -> None:
        self.ops, self.header = ops, clock.header
        limits = ops.table(np.array(STEP_CODES, np.int64)[:, None])
        legal = ops.both(ops.less(ops.i(-1), clock.steps), ops.less(clock.steps, limits))
        codes = ops.where(legal, clock.steps, ops.i(0))
        self.codes = [ops.gather(codes, ops.i(q)) for q in range(CODEBOOKS)]
        self._size = ops.length(self.codes[0], 0)
        place = ops.add(ops.count(ops.i(0), self._size), ops.sub(clock.first, ops.i(WINDOW)))
        self.number = ops.at_least(place, ops.i(0))
        self.never = ops.less(ops.count(ops.i(0), self._size), ops.i(0))
        self.on_time = ops.short(ops.mul(self.number, ops.i(0)))

    def spread(self, x: str) -> str:
        """A scalar at every step of the window."""
        return self.ops.op("Expand", x, self.ops.unsqueeze(self._size, 0))

    def choose(self, values: Sequence[float], which: str) -> str:
        """One of several constants, chosen by a header index, at every step."""
        return self.spread(self.ops.gather(self.ops.f(list(values)), which))

    def unless(self, header: str, none: int) -> str:
        """int64 [], 0 where a header field says "none", else 1."""
        return self.ops.whole(self.ops.op("Not", self.ops.equal(header, self.ops.i(none))))

    def late(self, how: str, ticks: Sequence[int]) -> str:
        """int32 [window]: one of several delays at each step."""
        return self.ops.gather(self.ops.table(np.array(ticks, np.int32)), how)

    def velocity(self, voice: int, accents: Accents) -> str:
        """How hard each step is struck: by its place in the beat, with a fixed human unevenness."""
        ops = self.ops
        uneven = 1 + HUMAN_SPREAD * (np.random.default_rng(voice).random(HUMAN_STEPS) * 2 - 1)
        human = ops.gather(ops.table(uneven.astype(np.float32)), ops.mod(self.number, ops.i(HUMAN_STEPS)))
        on, half, between = accents
        return ops.mul(human, ops.gather(ops.f([on, between, half, between]), ops.mod(self.number, ops.i(4))))

    def changed(self, value: str, steps: int) -> str:
        """bool [window]: whether the value differs from the one so many steps before."""
        ops = self.ops
        before = ops.op("Slice", value, ops.i([0]), ops.i([-steps]), ops.i([0]))
        return ops.op("Not", ops.equal(value, ops.join(ops.i([0] * steps), before)))

    def begins(self, value: str, touch: str) -> tuple[str, str]:
        """(onset, silent): notes begin where they are struck or the value changes, and end where it is 0."""
        ops = self.ops
        sounding = ops.less(ops.i(0), value)
        onset = ops.both(sounding, ops.either(self.changed(value, 1), ops.truth(touch)))
        return onset, ops.op("Not", sounding)
