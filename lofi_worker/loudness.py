"""How loud a track is: EBU R 128 integrated loudness and the sample peak, from a stream of PCM.

The measure is that of ITU-R BS.1770-4: a K-weighting filter, the power of blocks of 400 ms that begin every
100 ms, and the mean of the blocks that pass two gates. Ten numbers a second are kept, nothing else grows.

The filter runs without a loop over samples. It is a linear system of four states: over one row of samples its
output is a matrix times (samples, state), and its next state is another one times the same. So are the states
at the beginnings of all rows of a batch. The states are scaled to equal power (the Cholesky factor of their
covariance under white noise), so that float32 is enough: in the textbook form they are thousands of times
larger than what comes out.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
HOPS = 10
"""A second: blocks overlap by three quarters."""
BLOCK_HOPS = 4
_OFFSET_LUFS = -0.691
_ROW = 64
_BATCH = 128
_STATES = 4
_INT16 = 1 / 32768

# The analogue prototypes of BS.1770's two filters, as libebur128 and others derive them from its coefficients
# at 48 kHz: a shelf that lifts the highs by 4 dB, and a high-pass.
_SHELF_HERTZ, _SHELF_Q, _SHELF_DECIBELS = 1681.974450955533, 0.7071752369554196, 3.999843853973347
_SHELF_BEND = 0.4996667741545416
_HIGH_PASS_HERTZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773

Samples = NDArray[np.float32] | NDArray[np.int16]
Floats = NDArray[np.float32]


class Meter:
    """Measures what is added. What is added at once or piece by piece comes to the same."""

    def __init__(self, rate: int, channels: int) -> None:
        """rate: samples per second, 1000 at least. channels: 1 or 2, both of them count in full."""
        self._rate = rate
        self._weighting = _weighting(rate)
        self._states = [np.zeros(_STATES, np.float32) for _ in range(channels)]
        self._waiting = np.zeros((0, channels), np.float32)
        self._samples = 0  # that the filter has got
        self._hop_power = 0.0  # of the hop that is not over
        self._hops = array("d")
        self.peak = 0.0
        """The largest |sample| so far; 1 is full scale."""

    def add(self, pcm: Samples) -> None:
        """Take the next samples [samples, channels]; floats have full scale at 1."""
        new = pcm * np.float32(_INT16) if pcm.dtype == np.int16 else pcm.astype(np.float32, copy=False)
        if not len(new):
            return
        self.peak = max(self.peak, float(new.max()), -float(new.min()))
        whole = np.concatenate([self._waiting, new])
        size = _ROW * _BATCH
        end = len(whole) // size * size
        for start in range(0, end, size):
            self._filter(whole[start : start + size])
        self._waiting = whole[end:].copy()

    def integrated(self) -> float | None:
        """The loudness of all so far in LUFS; None where nothing passes: silence, or under 0.4 s."""
        hops = self._ended_hops()
        if len(hops) < BLOCK_HOPS:
            return None
        blocks = np.convolve(hops, np.full(BLOCK_HOPS, 1 / BLOCK_HOPS), "valid")
        loud = blocks[blocks > _power(ABSOLUTE_GATE_LUFS)]
        if not len(loud):
            return None
        gate = _power(_lufs(float(loud.mean())) + RELATIVE_GATE_LU)
        return _lufs(float(loud[loud > gate].mean()))

    def _filter(self, samples: Floats) -> None:
        """Weight a batch, float32 [rows * _ROW, channels], and add its power to the hops."""
        through = [
            _weighted(self._weighting, channel, state)
            for channel, state in zip(samples.T, self._states, strict=True)
        ]
        self._states = [state for _, state in through]
        weighted = [output for output, _ in through]
        self._hop_power = _add_to_hops(self._hops, self._hop_power, weighted, self._samples, self._rate)
        self._samples += len(samples)

    def _ended_hops(self) -> NDArray[np.float64]:
        """Mean power of each hop that is over, the samples that wait for a batch included."""
        missing = -len(self._waiting) % _ROW
        padded = np.concatenate([self._waiting, np.zeros((missing, len(self._states)), np.float32)])
        weighted = [
            _weighted(self._weighting, channel, state)[0][: len(self._waiting)]
            for channel, state in zip(padded.T, self._states, strict=True)
        ]
        hops = array("d", self._hops)
        _add_to_hops(hops, self._hop_power, weighted, self._samples, self._rate)
        return np.frombuffer(hops, np.float64)


def _add_to_hops(hops: array[float], begun: float, weighted: list[Floats], first: int, rate: int) -> float:
    """Append the mean power of the hops that end within `weighted`, whose first sample has number `first`.

    begun: energy of the hop that is under way; returned is that of the one that is under way behind.
    """
    at, end = 0, len(weighted[0])
    while (edge := _edge(len(hops) + 1, rate) - first) <= end:
        length = _edge(len(hops) + 1, rate) - _edge(len(hops), rate)
        hops.append((begun + _energy(weighted, at, edge)) / length)
        begun, at = 0.0, edge
    return begun + _energy(weighted, at, end)


def _energy(channels: list[Floats], start: int, stop: int) -> float:
    """The sum of all squares from start to stop - 1."""
    return sum(float(np.dot(each[start:stop], each[start:stop])) for each in channels)


def _edge(hop: int, rate: int) -> int:
    """The sample at which a hop begins."""
    return hop * rate // HOPS


def _lufs(power: float) -> float:
    return _OFFSET_LUFS + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LUFS) / 10))


class _Weighting(NamedTuple):
    """The filter over rows of samples, as float32 matrices that are multiplied from the right."""

    row: Floats
    """[_ROW + _STATES, _ROW]: from a row's samples and the state before it to the row's output."""
    onward: Floats
    """[_ROW, _STATES]: from a row's samples to what they add to the state behind it."""
    states: Floats
    """[(_BATCH + 1) * _STATES, the same]: from the state before a batch and what its rows add, to the state
    before each row and behind the last one."""


def _weighted(weighting: _Weighting, samples: Floats, state: Floats) -> tuple[Floats, Floats]:
    """The filter's output and its next state; `samples` are at most a batch of whole rows."""
    rows = samples.reshape(-1, _ROW)
    added = np.concatenate([state, (rows @ weighting.onward).ravel()])
    states = (added @ weighting.states[: len(added), : len(added)]).reshape(-1, _STATES)
    output = np.concatenate([rows, states[:-1]], axis=1) @ weighting.row
    return output.ravel(), states[-1]


@lru_cache
def _weighting(rate: int) -> _Weighting:
    a, b, c, d = _k_filter(rate)
    powers = [np.eye(_STATES)]
    for _ in range(_ROW):
        powers.append(a @ powers[-1])
    response = np.array([d, *(float(c @ powers[n] @ b) for n in range(_ROW - 1))])
    lag = np.arange(_ROW)[None, :] - np.arange(_ROW)[:, None]
    from_samples = np.where(lag >= 0, response[np.abs(lag)], 0.0)
    from_state = np.stack([c @ power for power in powers[:_ROW]], axis=1)
    onward = np.stack([powers[_ROW - 1 - n] @ b for n in range(_ROW)])
    over_rows = [np.eye(_STATES)]
    for _ in range(_BATCH):
        over_rows.append(powers[_ROW] @ over_rows[-1])
    blank = np.zeros((_STATES, _STATES))
    states = np.block(
        [
            [over_rows[end - start].T if end >= start else blank for end in range(_BATCH + 1)]
            for start in range(_BATCH + 1)
        ]
    )
    parts = (np.concatenate([from_samples, from_state]), onward, states)
    return _Weighting(*(np.ascontiguousarray(part, np.float32) for part in parts))


def _k_filter(
    rate: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """The K-weighting as a system x' = a x + b u, y = c x + d u, its states at equal power."""
    over, under = np.ones(1), np.ones(1)
    for zeros, poles in (_shelf(rate), _high_pass(rate)):
        over, under = np.convolve(over, zeros), np.convolve(under, poles)
    a = np.eye(_STATES, k=-1)
    a[0] = -under[1:]
    b = np.eye(_STATES)[0]
    c, d = over[1:] - over[0] * under[1:], float(over[0])
    # p = a p aᵀ + b bᵀ, the covariance of the states where u is white noise.
    p = np.linalg.solve(np.eye(_STATES**2) - np.kron(a, a), np.outer(b, b).ravel()).reshape(a.shape)
    factor = np.linalg.cholesky(p)
    inverse = np.linalg.inv(factor)
    return inverse @ a @ factor, inverse @ b, c @ factor, d


def _shelf(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k = math.tan(math.pi * _SHELF_HERTZ / rate)
    high = 10 ** (_SHELF_DECIBELS / 20)
    middle = high**_SHELF_BEND
    scale = 1 + k / _SHELF_Q + k * k
    zeros = [high + middle * k / _SHELF_Q + k * k, 2 * (k * k - high), high - middle * k / _SHELF_Q + k * k]
    poles = [scale, 2 * (k * k - 1), 1 - k / _SHELF_Q + k * k]
    return np.array(zeros) / scale, np.array(poles) / scale


def _high_pass(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k = math.tan(math.pi * _HIGH_PASS_HERTZ / rate)
    scale = 1 + k / _HIGH_PASS_Q + k * k
    poles = [scale, 2 * (k * k - 1), 1 - k / _HIGH_PASS_Q + k * k]
    return np.array([1.0, -2.0, 1.0]), np.array(poles) / scale
