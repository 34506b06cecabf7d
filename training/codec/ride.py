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
from training.synth.tones import RATE

DOUBLE = int(TensorProto.DOUBLE)
MEMORY_SECONDS = 8.0
PRIOR_SECONDS = 3.0  # before much is heard, the loudness is taken for right
STRENGTH = 0.75  # of a deviation, as far as it is mended
MOST_DECIBELS = 3.0
TARGET_DBFS = -18.0
TARGET_POWER = 10 ** (TARGET_DBFS / 10)
SAMPLES = 2 * TICKS_PER_BEAT_MINUTE  # of a 16th note, times bpm
STATE = "state.loudness"  # [energy, seconds], both fading


def ride(ops: Ops, clock: Clock, music: str, strength: float) -> str:
    """`music` float [n], the samples of the call's new steps, at its ridden level.

    strength: how far a deviation is mended, 0 to 1.
    """
    bpm = clock.header.bpm
    gains = _gains(ops, _remembered(ops, clock, music), strength)
    scaled = ops.mul(ops.count(clock.from_sample, clock.to_sample), bpm)
    step = ops.div(ops.add(scaled, ops.sub(bpm, ops.i(1))), ops.i(SAMPLES))
    through = ops.mul(ops.real(ops.sub(scaled, ops.mul(step, ops.i(SAMPLES)))), ops.f(1 / SAMPLES))
    index = ops.sub(step, clock.first)
    here, following = ops.gather(gains, index), ops.gather(gains, ops.add(index, ops.i(1)))
    return ops.mul(music, ops.add(here, ops.mul(through, ops.sub(following, here))))


def _double(ops: Ops, value: float) -> str:
    return ops.table(np.array(value, np.float64))


def _remembered(ops: Ops, clock: Clock, music: str) -> str:
    """double [steps + 1, 2]: fading sums of energy and seconds when each new step begins and the last ends.

    Declares the state, which is the last row.
    """
    ops.graph.input(STATE, FLOAT, [2])
    numbers = ops.count(clock.first, ops.add(clock.first, clock.new, ops.i(1)))
    edges = ops.sub(ops.div(ops.mul(numbers, ops.i(SAMPLES)), clock.header.bpm), clock.from_sample)
    squares = ops.cast(ops.mul(music, music), DOUBLE)
    running = ops.join(ops.table(np.zeros(1)), ops.op("CumSum", squares, ops.i(0)))
    sums = [_differences(ops, each) for each in (ops.gather(running, edges), ops.cast(edges, DOUBLE))]
    steps = ops.mul(ops.join(*(ops.unsqueeze(each, 1) for each in sums), axis=1), _double(ops, 1 / RATE))
    # Ahead of the steps stands all that was remembered when the call began.
    events = ops.join(ops.unsqueeze(ops.cast(STATE, DOUBLE), 0), steps)

    place = ops.count(ops.i(0), ops.add(clock.new, ops.i(1)))
    age = ops.sub(ops.unsqueeze(place, 1), ops.unsqueeze(place, 0))
    fade = ops.div(_double(ops, -SAMPLES / RATE / MEMORY_SECONDS), ops.cast(clock.header.bpm, DOUBLE))
    kept = ops.op("Exp", ops.mul(ops.cast(ops.at_least(age, ops.i(0)), DOUBLE), fade))
    kept = ops.where(ops.less(age, ops.i(0)), _double(ops, 0.0), kept)
    remembered = ops.op("MatMul", kept, events)
    ops.graph.node("Cast", [ops.gather(remembered, clock.new)], output=f"next_{STATE}", to=FLOAT)
    ops.graph.output(f"next_{STATE}", FLOAT, [2])
    return remembered


def _gains(ops: Ops, remembered: str, strength: float) -> str:
    """float [steps + 1]: what the remembered loudness asks for."""
    energy, seconds = (ops.gather(remembered, ops.i(q), axis=1) for q in range(2))
    power = ops.div(
        ops.add(energy, _double(ops, PRIOR_SECONDS * TARGET_POWER)),
        ops.add(seconds, _double(ops, PRIOR_SECONDS)),
    )
    away = ops.op("Log", ops.div(power, _double(ops, TARGET_POWER)))
    most = MOST_DECIBELS * float(np.log(10)) / 20
    mended = ops.at_least(ops.mul(away, _double(ops, -strength / 2)), _double(ops, -most))
    return ops.real(ops.op("Exp", ops.at_most(mended, _double(ops, most))))


def _differences(ops: Ops, values: str) -> str:
    """Of neighbours, [n] to [n - 1]."""
    later, earlier = (
        ops.op("Slice", values, ops.i([a]), ops.i([b]), ops.i([0])) for a, b in ((1, 2**62), (0, -1))
    )
    return ops.sub(later, earlier)
