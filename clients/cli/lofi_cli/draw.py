"""A waveform made of characters, with its time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lofi_common.units import clock


class Pen(NamedTuple):
    """What an output can show. levels: how full a cell is, from empty to full."""

    levels: str
    rule: str
    tick: str


BLOCKS = Pen(" ▁▂▃▄▅▆▇█", "─", "┬")
ASCII = Pen(" .:#", "-", "+")

_ROWS = 4
_TICK_SEC = (1, 2, 5, 10, 15, 20, 30, 60)
_TICK_ROOM = 10
"""Columns from one tick to the next at the least."""


def pen_for(encoding: str | None) -> Pen:
    """Blocks where the output's encoding has them."""
    try:
        "".join(BLOCKS).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def waveform(peaks: Sequence[float], pen: Pen, rows: int = _ROWS) -> list[str]:
    """A line per row, the highest first, one column per peak (0 … 1). What sounds at all is seen."""
    steps = len(pen.levels) - 1
    heights = [max(round(peak * rows * steps), 1) if peak > 0 else 0 for peak in peaks]
    return [
        "".join(pen.levels[min(max(height - row * steps, 0), steps)] for height in heights)
        for row in reversed(range(rows))
    ]


def axis(duration_sec: float, columns: int, pen: Pen) -> list[str]:
    """A ruler and its labels (m:ss): the start, round times, the end. `columns` wide, 10 at least."""
    end = clock(duration_sec)
    last = columns - len(end)
    marks = [(0, clock(0)), *_round_times(duration_sec, columns, last - 2), (last, end)]
    ruler, labels = [pen.rule] * columns, [" "] * columns
    for column, label in marks:
        labels[column : column + len(label)] = label
        ruler[column] = pen.tick
    ruler[last], ruler[-1] = pen.rule, pen.tick
    return ["".join(ruler), "".join(labels)]


def _round_times(duration_sec: float, columns: int, before: int) -> list[tuple[int, str]]:
    """Columns and labels of the times between start and end that leave room for one another."""
    fitting = (step for step in _TICK_SEC if step * columns >= _TICK_ROOM * duration_sec)
    step = next(fitting, None)
    if step is None:
        return []
    times = range(step, int(duration_sec) + 1, step)
    placed = [(int(time / duration_sec * columns), clock(time)) for time in times]
    return [(column, label) for column, label in placed if column + len(label) <= before]
