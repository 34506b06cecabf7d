"""Rides the fader: a slow gain that brings thin and dense passages nearer to one loudness.

The gain at a step's beginning follows from the energy of all steps before it, older ones count less; within
the step it moves evenly to the next step's. So it looks back only, and on whole steps, however the stream is
cut; two running sums are all its state.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from lofi_worker.importer.graph import FLOAT
from training.codec.clock import TICKS_PER_BEAT_MINUTE, Clock
from training.codec.ops import Ops

DOUBLE = int(TensorProto.DOUBLE)
MEMORY_SECONDS = 8.0
PRIOR_SECONDS = 3.0  # before much is heard, the loudness is taken for right
STRENGTH = 0.75  # of a deviation, as far as it is mended
MOST_DECIBELS = 3.0
TARGET_DBFS = -18.0
TARGET_POWER = 10 ** (TARGET_DBFS / 10)
RATE = 32_000
SAMPLES = 2 * TICKS_PER_BEAT_MINUTE  # of a 16th note, times bpm
STATE = "state.loudness"  # [energy, seconds], both fading


def ride(ops: Ops, clock: Clock, music: str, strength: float) -> str:
    """`music` float [n], the samples of the call's new steps, at its ridden level."""
    ops.graph.input(STATE, FLOAT, [2])
    bpm = clock.header.bpm
    numbers = ops.count(clock.first, ops.add(clock.first, clock.new, ops.i(1)))
    edges = ops.sub(ops.div(ops.mul(numbers, ops.i(SAMPLES)), bpm), clock.from_sample)
    squares = ops.cast(ops.mul(music, music), DOUBLE)
    zero = ops.table(np.zeros(1))
    running = ops.join(zero, ops.op("CumSum", squares, ops.i(0)))
    energy = _steps(ops, ops.gather(running, edges))
    seconds = _steps(ops, ops.cast(edges, DOUBLE))
    heard = ops.mul(
        ops.op("Concat", ops.unsqueeze(energy, 0), ops.unsqueeze(seconds, 0), axis=0),
        ops.table(np.array(1 / RATE)),
    )

    # Row k: what is remembered of each step, and of the state, when step k begins.
    place = ops.count(ops.i(0), ops.add(clock.new, ops.i(1)))
    age = ops.sub(ops.unsqueeze(place, 1), ops.unsqueeze(place, 0))
    fade = ops.div(ops.table(np.array(-SAMPLES / RATE / MEMORY_SECONDS)), ops.cast(bpm, DOUBLE))
    kept = ops.op("Exp", ops.mul(ops.cast(ops.at_least(age, ops.i(0)), DOUBLE), fade))
    kept = ops.where(ops.less(age, ops.i(0)), ops.table(np.array(0.0)), kept)
    events = ops.join(ops.unsqueeze(ops.cast(STATE, DOUBLE), 1), heard, axis=1)
    sums = ops.op("MatMul", kept, ops.op("Transpose", events, perm=[1, 0]))
    last = ops.gather(sums, clock.new)
    ops.graph.node("Cast", [last], output=f"next_{STATE}", to=FLOAT)
    ops.graph.output(f"next_{STATE}", FLOAT, [2])

    total, time = (ops.gather(sums, ops.i(q), axis=1) for q in range(2))
    known = ops.div(
        ops.add(total, ops.table(np.array(PRIOR_SECONDS * TARGET_POWER))),
        ops.add(time, ops.table(np.array(PRIOR_SECONDS))),
    )
    away = ops.op("Log", ops.div(known, ops.table(np.array(TARGET_POWER))))
    bound = MOST_DECIBELS * np.log(10) / 20
    moved = ops.mul(away, ops.table(np.array(-strength / 2)))
    bounded = ops.at_most(ops.at_least(moved, ops.table(np.array(-bound))), ops.table(np.array(bound)))
    gains = ops.real(ops.op("Exp", bounded))

    scaled = ops.mul(ops.count(clock.from_sample, clock.to_sample), bpm)
    step = ops.div(ops.add(scaled, ops.sub(bpm, ops.i(1))), ops.i(SAMPLES))
    through = ops.mul(ops.real(ops.sub(scaled, ops.mul(step, ops.i(SAMPLES)))), ops.f(1 / SAMPLES))
    index = ops.sub(step, clock.first)
    here, following = ops.gather(gains, index), ops.gather(gains, ops.add(index, ops.i(1)))
    return ops.mul(music, ops.add(here, ops.mul(through, ops.sub(following, here))))


def _steps(ops: Ops, edges: str) -> str:
    """Differences of neighbours."""
    later, earlier = (
        ops.op("Slice", edges, ops.i([a]), ops.i([b]), ops.i([0])) for a, b in ((1, 2**62), (0, -1))
    )
    return ops.sub(later, earlier)
