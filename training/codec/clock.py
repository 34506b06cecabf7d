"""Steps and samples: which steps a call plays, where each begins, which samples come out.

The total after n steps is floor(n * 480000 / bpm) samples at 32 kHz. Step k begins at tick ceil((k + swing
of odd steps) * 240000 / bpm) of the 16 kHz clock; ceil, so that no step begins before the samples of the
steps ahead of it are out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lofi_worker.importer.graph import BOOL, INT64
from training.attributes import BPM_MIN, MODES, SWINGS
from training.codec.ops import Ops
from training.composer.theory import transposition
from training.tokens import AIRS, CODEBOOKS, HEADER_CODES, HEADER_FRAMES, HEADER_STARTS

WINDOW = 32  # steps that may still sound: 5 s at the fastest tempo, longer than any stored sound
HISTORY = 224  # 16 kHz ticks before the first sample that filters and wow look back on
SWING_PERCENT = (0, 12, 24)  # of a 16th note, by which odd steps come late
TICKS_PER_BEAT_MINUTE = 240_000  # 16 kHz ticks of a 16th note, times bpm


@dataclass(frozen=True, slots=True)
class Header:
    """Indices into the tuples of training.attributes, int64 []; bpm as it is; shift: semitones from C.

    airs: 0 or 1 by the names in training.tokens.AIRS and of "vinyl"; tape, pad and ending: 0 or 1.
    """

    bpm: str
    shift: str
    drums: str
    density: str
    swing: str
    keys: str
    bass: str
    lead: str
    tone: str
    airs: dict[str, str]
    tape: str
    pad: str
    ending: str


@dataclass(frozen=True, slots=True)
class Clock:
    """What one call plays.

    steps: int64 [4, WINDOW + m], the last WINDOW steps and the m new ones; first: int64 [], number of the
    first new step; begins: int64 [m + WINDOW + 1] tick of each step in `steps` and of the one behind;
    from_tick, to_tick: ticks that are computed (HISTORY before the first sample); from_sample, to_sample:
    the samples that come out.
    """

    header: Header
    steps: str
    new: str
    first: str
    begins: str
    from_tick: str
    to_tick: str
    from_sample: str
    to_sample: str


def read_header(ops: Ops, frames: str) -> Header:
    """`frames`: int64 [4, HEADER_FRAMES]. Codes outside their ranges are read as the nearest one inside."""
    flat = ops.reshape(frames, CODEBOOKS * HEADER_FRAMES)

    def said(frame: int, q: int) -> str:
        value = ops.sub(ops.gather(flat, ops.i(q * HEADER_FRAMES + frame)), ops.i(HEADER_STARTS[frame][q]))
        return ops.at_most(ops.at_least(value, ops.i(0)), ops.i(HEADER_CODES[frame][q] - 1))

    def split(code: str, size: int) -> tuple[str, str]:
        return ops.div(code, ops.i(size)), ops.mod(code, ops.i(size))

    key, _ = split(said(0, 1), len(MODES))
    density, swing = split(said(0, 3), len(SWINGS))
    air = said(2, 0)
    pad, ending = split(said(2, 3), 2)
    airs = {name: ops.mod(ops.div(air, ops.i(1 << bit)), ops.i(2)) for bit, name in enumerate(AIRS)}
    return Header(
        bpm=ops.add(said(0, 0), ops.i(BPM_MIN)),
        shift=ops.gather(ops.i([transposition(k) for k in range(12)]), key),
        drums=said(0, 2),
        density=density,
        swing=swing,
        keys=said(1, 0),
        bass=said(1, 1),
        lead=said(1, 2),
        tone=said(1, 3),
        airs={**airs, "vinyl": said(2, 1)},
        tape=said(2, 2),
        pad=pad,
        ending=ending,
    )


def build_clock(ops: Ops) -> Clock:
    """Declares codes, `last` and the state, and tells what this call plays."""
    graph = ops.graph
    graph.input("codes", INT64, [1, CODEBOOKS, "frames"])
    graph.input("last", BOOL, [])
    graph.input("state.header", INT64, [CODEBOOKS, HEADER_FRAMES])
    graph.input("state.steps", INT64, [CODEBOOKS, WINDOW])
    graph.input("state.frames", INT64, [])

    codes = ops.squeeze("codes", 0)
    before = "state.frames"
    fresh = ops.length(codes, 1)
    known = ops.at_most(before, ops.i(HEADER_FRAMES))
    padding = ops.table(np.zeros((CODEBOOKS, HEADER_FRAMES), np.int64))
    stream = ops.join(ops.cut("state.header", ops.i(0), known, 1), codes, padding, axis=1)
    frames = ops.cut(stream, ops.i(0), ops.i(HEADER_FRAMES), 1)
    skipped = ops.at_most(ops.at_least(ops.sub(ops.i(HEADER_FRAMES), before), ops.i(0)), fresh)
    music = ops.cut(codes, skipped, fresh, 1)
    steps = ops.join("state.steps", music, axis=1)
    new = ops.sub(fresh, skipped)
    total = ops.add(ops.i(WINDOW), new)

    for name, source in (
        ("next_state.header", frames),
        ("next_state.steps", ops.cut(steps, new, total, 1)),
        ("next_state.frames", ops.add(before, fresh)),
    ):
        graph.node("Identity", [source], output=name)
    graph.output("next_state.header", INT64, [CODEBOOKS, HEADER_FRAMES])
    graph.output("next_state.steps", INT64, [CODEBOOKS, WINDOW])
    graph.output("next_state.frames", INT64, [])

    header = read_header(ops, frames)
    first = ops.at_least(ops.sub(before, ops.i(HEADER_FRAMES)), ops.i(0))
    numbers = ops.add(ops.count(ops.i(0), ops.add(total, ops.i(1))), ops.sub(first, ops.i(WINDOW)))
    from_sample, to_sample = (
        ops.div(ops.mul(n, ops.i(2 * TICKS_PER_BEAT_MINUTE)), header.bpm)
        for n in (first, ops.add(first, new))
    )
    return Clock(
        header=header,
        steps=steps,
        new=new,
        first=first,
        begins=_begins(ops, numbers, header),
        from_tick=ops.sub(ops.div(from_sample, ops.i(2)), ops.i(HISTORY)),
        to_tick=ops.div(ops.add(to_sample, ops.i(1)), ops.i(2)),
        from_sample=from_sample,
        to_sample=to_sample,
    )


def _begins(ops: Ops, numbers: str, header: Header) -> str:
    """The tick at which each step begins; steps before the start lie far back, in order."""
    ahead = ops.at_least(numbers, ops.i(0))
    late = ops.gather(ops.i(SWING_PERCENT), header.swing)
    hundredths = ops.add(ops.mul(ahead, ops.i(100)), ops.mul(ops.mod(ahead, ops.i(2)), late))
    divisor = ops.mul(header.bpm, ops.i(100))
    ticks = ops.mul(hundredths, ops.i(TICKS_PER_BEAT_MINUTE))
    rounded = ops.div(ops.add(ticks, ops.sub(divisor, ops.i(1))), divisor)
    return ops.where(ops.less(numbers, ops.i(0)), ops.mul(numbers, ops.i(4_000)), rounded)
