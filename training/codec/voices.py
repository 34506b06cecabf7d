"""Notes from steps: the latest onsets of each voice, read from the bank tick by tick.

Everything is laid out in rows, one row a step that may be heard in this call, and columns, one a sample
since that step began. A row knows the few latest onsets of a voice (its slots); each plays on from its own
age. So a sample depends on the codes of the last WINDOW steps and on its absolute position alone, however
the stream is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_worker.importer.graph import FLOAT
from training.codec.clock import WINDOW
from training.codec.ops import Ops

CHOKE_SECONDS = 0.02  # the oldest slot dies this fast, so that it is silent when its place is taken
# When the note of an empty slot "began": past the end of its sound, whatever the position.
LONG_AGO = -100_000


@dataclass(frozen=True, slots=True)
class Rows:
    """The grid of a call, at one sample rate.

    ticks: int32 [rows, 1, columns], absolute sample of each cell; steps: int64 [rows], index of each row's
    step in the window; begins: int32 [window + 1], absolute sample at which each step begins; heard: bool
    [rows * columns], the cells that are samples of this call, in order.
    """

    ticks: str
    steps: str
    begins: str
    heard: str


@dataclass(frozen=True, slots=True)
class Events:
    """What happens at each step of the window to one voice.

    playing: int64 [], 0 where the header silences the voice, else 1; onset, silent: bool [window], a note
    begins, the voice stops; late: int32 [window], samples by which an onset comes after its step's beginning;
    sound: int64 [window, notes], indices into the bank; spread: int32 [], samples from one note to the next,
    None where all begin at once; gain: float [window]; rate: float [window], decay per sample; release: float
    [window], decay per sample once the note has ended.
    """

    playing: str
    onset: str
    silent: str
    late: str
    sound: str
    notes: int
    spread: str | None
    gain: str
    rate: str
    release: str


@dataclass(frozen=True, slots=True)
class BankTables:
    """The bank as constants of the graph."""

    samples: str
    start: str
    end: str


def bank_tables(
    ops: Ops, samples: NDArray[np.int8], start: NDArray[np.int32], end: NDArray[np.int32]
) -> BankTables:
    return BankTables(ops.table(samples), ops.table(start), ops.table(end))


def lay_out(ops: Ops, begins: str, new: str, first_cell: str, past_cell: str) -> Rows:
    """Rows for the step before the new ones and for the new ones; `first_cell` to `past_cell` is heard."""
    steps = ops.add(ops.count(ops.i(0), ops.add(new, ops.i(1))), ops.i(WINDOW - 1))
    start, after = ops.gather(begins, steps), ops.gather(begins, ops.add(steps, ops.i(1)))
    columns = ops.op(
        "ReduceMax", ops.sub(ops.at_most(after, past_cell), ops.at_least(start, ops.i(-8_000))), keepdims=0
    )
    cells = ops.count(ops.i(0), ops.at_least(columns, ops.i(0)))
    ticks = ops.add(ops.unsqueeze(start, 1), ops.unsqueeze(cells, 0))
    inside = ops.both(
        ops.less(ticks, ops.unsqueeze(after, 1)),
        ops.less(ticks, past_cell),
        ops.less(ops.sub(first_cell, ops.i(1)), ticks),
    )
    return Rows(
        ticks=ops.short(ops.unsqueeze(ticks, 1)),
        steps=steps,
        begins=ops.short(begins),
        heard=ops.reshape(inside, -1),
    )


def _latest(ops: Ops, rows: Rows, onset: str, slots: str) -> str:
    """int64 [rows, slots]: 1 + index of the latest onsets up to each row's step, newest first; 0 = none."""
    place = ops.count(ops.i(0), ops.length(onset, 0))
    row = ops.unsqueeze(rows.steps, 1)
    reach = ops.both(
        onset, ops.less(place, ops.add(row, ops.i(1))), ops.less(ops.sub(row, ops.i(WINDOW)), place)
    )
    numbered = ops.where(reach, ops.add(place, ops.i(1)), ops.i(0))
    return ops.graph.nodes(
        "TopK", [numbered, ops.unsqueeze(slots, 0)], ["*", "*"], axis=1, largest=1, sorted=1
    )[0]


def _ends(ops: Ops, events: Events) -> str:
    """int64 [window]: where each step's note ends: the next onset or silence, or behind the window."""
    size = ops.length(events.onset, 0)
    place = ops.count(ops.i(0), size)
    later = ops.less(ops.unsqueeze(place, 1), ops.unsqueeze(place, 0))
    ending = ops.both(later, ops.unsqueeze(ops.either(events.onset, events.silent), 0))
    return ops.op("ReduceMin", ops.where(ending, ops.unsqueeze(place, 0), size), ops.i([1]), keepdims=0)


def play(ops: Ops, rows: Rows, events: Events, bank: BankTables, slots: int, rate_hz: int) -> str:
    """Sound of one voice, float [rows, columns]. A voice that doesn't play has no slots and costs nothing."""
    used = ops.mul(events.playing, ops.i(slots))
    newest = _latest(ops, rows, events.onset, used)

    def by_slot(values: str, nothing: str) -> str:
        """Per-step values [window, ...] at each row's slots, [rows, slots, ...]."""
        return ops.gather(ops.join(nothing, values), newest)

    long_ago = ops.table(np.array([LONG_AGO], np.int32))
    step_begins = ops.gather(rows.begins, ops.count(ops.i(0), ops.length(events.onset, 0)))
    onsets = ops.add(step_begins, events.late)
    begins = by_slot(onsets, long_ago)
    # What ends a note is the next onset, when it comes; behind the window nothing is late.
    behind = ops.cut(rows.begins, ops.length(onsets, 0), ops.length(rows.begins, 0), 0)
    ends = by_slot(ops.gather(ops.join(onsets, behind), _ends(ops, events)), long_ago)
    sounds = by_slot(events.sound, ops.table(np.zeros((1, events.notes), np.int64)))

    none = ops.table(np.zeros((), np.int32))
    age = ops.sub(rows.ticks, ops.unsqueeze(begins, 2))
    start, end = (ops.unsqueeze(ops.gather(table, sounds), 2) for table in (bank.start, bank.end))
    # A zero lies ahead of every sound: there waits what is not yet struck.
    one = ops.table(np.ones((), np.int32))
    if events.spread is None:
        waiting = ops.at_least(age, ops.sub(none, one))
        address = ops.at_most(ops.add(ops.unsqueeze(waiting, 3), start), end)
    else:
        waits = ops.mul(ops.table(np.arange(events.notes, dtype=np.int32)), events.spread)
        struck = ops.add(ops.unsqueeze(age, 3), ops.sub(start, waits))
        address = ops.at_least(ops.at_most(struck, end), ops.sub(start, one))
    stored = ops.total(ops.cast(ops.gather(bank.samples, address), FLOAT), 3)

    overtime = ops.at_least(ops.sub(rows.ticks, ops.unsqueeze(ends, 2)), none)
    rate, release, gain = (
        ops.unsqueeze(by_slot(v, ops.f([0.0])), 2) for v in (events.rate, events.release, events.gain)
    )
    fall = ops.add(ops.mul(ops.real(age), rate), ops.mul(ops.real(overtime), release))
    if slots > 1:
        # The oldest slot became the oldest when the newest note began.
        newest_age = ops.op("Slice", age, ops.i([0]), ops.i([1]), ops.i([1]))
        last = np.zeros((1, slots, 1), np.float32)
        last[0, -1] = 1 / (CHOKE_SECONDS * rate_hz)
        choked = ops.cut(ops.table(last), ops.i(0), used, 1)
        fall = ops.add(fall, ops.mul(ops.real(ops.at_least(newest_age, none)), choked))
    level = ops.mul(ops.op("Exp", ops.op("Neg", fall)), gain)
    return ops.total(ops.mul(stored, level), 1)


def compress(ops: Ops, rows: Rows, sound: str) -> str:
    """[rows, columns] to the samples that are heard, in order: float [samples]."""
    return ops.op("Compress", ops.reshape(sound, -1), rows.heard)
