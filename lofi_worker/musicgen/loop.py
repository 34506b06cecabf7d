"""Which part of a piece repeats best. Pure.

More is generated than was asked for, and the part is chosen whose end leads into its own beginning as the
music leads from bar to bar: the jump at the seam is no larger than the median inside, where there is such a
part, and what surrounds its end is like what surrounds its beginning, so that a thin opening never follows
the full band.
"""

from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lofi_worker.musicgen.seam import BANDS, Ear, Floats, Jump

PHRASE_BARS = 4
_PARTS_OF_BAR = 8
_AROUND_SEC = 1.0
"""How much before and behind the joint is compared."""
_FREE_SEC = 1.5
"""How far a loop without bars may miss the length that was asked for: less than a bar is."""
_SURELY = 0.93
"""What the ratio of jumps may be, as it is foreseen, so that it comes out below 1."""
_LEAST_JUMP = 1e-3
_TRIED = 64
_TOLERANCE = 1e-6

# What speaks against a body, in dB of unlikeness.
_PER_EXCESS = 30.0
_LENGTH_OFF_PHRASE = 2.0
_START_OFF_PHRASE = 1.0


class Body(NamedTuple):
    """The part that repeats, in bars or frames."""

    start: int
    length: int


def lengths_in_bars(duration: float, bar: float) -> list[int]:
    """The whole numbers of bars at most a bar away from a duration; at least one bar."""
    near = duration / bar
    return list(range(max(1, ceil(near - 1 - _TOLERANCE)), max(1, floor(near + 1 + _TOLERANCE)) + 1))


def choose_bars(sound: Floats, rate: int, bar_samples: float, duration_sec: float) -> list[Body]:
    """Bodies in bars, the best first, of sound [samples] that begins with a bar.

    Rather whole phrases of four bars than halves, rather those than odd ones.
    Raises ValueError when the sound is shorter than the shortest body.
    """
    bars = int((len(sound) + 1) / bar_samples)
    edges = np.floor(np.arange(bars + 1) * bar_samples).astype(np.int64)
    ear = Ear(rate)
    inside = ear.jumps(sound, edges, edges)
    spectra = _bar_spectra(ear, sound, edges)
    costs: dict[Body, float] = {}
    for length in lengths_in_bars(duration_sec, bar_samples / rate):
        starts = np.arange(bars - length + 1)
        seams = ear.jumps(sound, edges[starts + length], edges[starts])
        for start in range(len(starts)):
            borders = np.arange(start + 1, start + length) if length > 1 else np.arange(1, bars)
            costs[Body(start, length)] = (
                _unlike(spectra, start, start + length)
                + _PER_EXCESS * max(0.0, _ratio(seams, start, inside, borders) - _SURELY)
                + _LENGTH_OFF_PHRASE * _off_phrase(length)
                + _START_OFF_PHRASE * _off_phrase(start)
            )
    if not costs:
        raise ValueError(f"{bars} bars have no body of {duration_sec} s")
    return sorted(costs, key=lambda body: round(costs[body], 1))  # of equals the earlier


def choose_alike(
    sound: Floats, rate: int, frame_rate: float, duration_sec: float, bar_sec: float | None
) -> list[Body]:
    """Bodies in the codec's frames, the best first: any start; whole bars long where these are known.

    Raises ValueError when the sound is shorter than the shortest body.
    """
    hop = rate / frame_rate
    ear = Ear(rate)
    course = ear.course(sound, round(hop))
    around = max(1, round(_AROUND_SEC * frame_rate))
    bar = bar_sec * frame_rate if bar_sec is not None else None
    costs: dict[Body, float] = {}
    for length in _lengths(duration_sec * frame_rate, bar, frame_rate):
        if length + around <= len(course):
            apart = np.sqrt(np.square(course[length:] - course[:-length]).mean(axis=1))
            unlike = _around(apart, around)
            costs |= {Body(int(start), length): float(unlike[start]) for start in np.argsort(unlike)[:_TRIED]}
    if not costs:
        raise ValueError(f"{len(sound) / rate:.1f} s have no body of {duration_sec} s")
    bodies = sorted(costs, key=costs.__getitem__)[:_TRIED]
    places = np.rint(np.arange(len(course)) * hop).astype(np.int64)
    inside = ear.jumps(sound, places, places)
    starts = np.array([body.start for body in bodies])
    seams = ear.jumps(sound, places[starts + [body.length for body in bodies]], places[starts])
    step = round(bar) if bar is not None else 1
    for i, (start, length) in enumerate(bodies):
        borders = np.arange(start + step, start + length, step)
        costs[bodies[i]] += _PER_EXCESS * max(0.0, _ratio(seams, i, inside, borders) - _SURELY)
    return sorted(bodies, key=lambda body: round(costs[body], 1))


def jump_of_loop(sound: Floats, rate: int, places: NDArray[np.int64]) -> float:
    """The jump from the end to the beginning as a ratio to the median at `places` inside: 1 is the same."""
    ear = Ear(rate)
    on = np.concatenate([sound, sound[: ear.window]])
    seam = np.array([len(sound)])
    return _ratio(ear.jumps(on, seam, seam), 0, ear.jumps(on, places, places), np.arange(len(places)))


def _ratio(seams: Jump, which: int, inside: Jump, borders: NDArray[np.int64]) -> float:
    """Of a seam's jump to the median at these borders, in spectrum or level, whichever is larger."""
    return max(
        float(seam[which] / max(np.median(jumps[borders]), _LEAST_JUMP))
        for seam, jumps in zip(seams, inside, strict=True)
    )


def _off_phrase(bars: int) -> int:
    """0 for whole phrases, 1 for halves, 2 for others."""
    return 0 if bars % PHRASE_BARS == 0 else 1 if bars % (PHRASE_BARS // 2) == 0 else 2


def _bar_spectra(ear: Ear, sound: Floats, edges: NDArray[np.int64]) -> Floats:
    """What each bar sounds like: [bars, _PARTS_OF_BAR, BANDS], in dB."""
    hop = ear.window // 2
    course = ear.course(sound, hop)
    parts = np.linspace(edges[:-1], edges[1:], _PARTS_OF_BAR + 1, axis=1) / hop
    found = np.empty((len(edges) - 1, _PARTS_OF_BAR, BANDS))
    for bar, cuts in enumerate(np.rint(parts).astype(int)):
        found[bar] = [course[a : max(a + 1, b)].mean(axis=0) for a, b in pairwise(cuts)]
    return found


def _unlike(bars: Floats, start: int, end: int) -> float:
    """How far what follows the end is from what the body begins with, in dB.

    Where nothing follows: how far its last bar is from the one before the body. Of all that there is, its
    last bar from its first.
    """
    this, that = (end, start) if end < len(bars) else (end - 1, max(0, start - 1))
    return float(np.sqrt(np.square(bars[this] - bars[that]).mean()))


def _lengths(duration: float, bar: float | None, frame_rate: float) -> list[int]:
    """Of a body, in frames; duration and bar in frames, too."""
    if bar is None:
        free = _FREE_SEC * frame_rate
        return list(range(max(1, round(duration - free)), round(duration + free) + 1))
    bars = lengths_in_bars(duration, bar)
    best = min(map(_off_phrase, bars))
    return [round(n * bar) for n in bars if _off_phrase(n) == best]


def _around(apart: Floats, reach: int) -> Floats:
    """The mean of each place's neighbourhood, as far as there is one."""
    sums = np.concatenate([[0.0], np.cumsum(apart)])
    place = np.arange(len(apart))
    first, last = np.maximum(place - reach, 0), np.minimum(place + reach, len(apart))
    means: Floats = (sums[last] - sums[first]) / (last - first)
    return means
