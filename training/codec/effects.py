"""What happens to the mix: wow, sample rate, tone, noise; by absolute position, looking back only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lofi_worker.importer.graph import FLOAT
from training.codec.filters import BLOCK, tone_taps, upsample_matrix
from training.codec.ops import Ops

WOW_TICKS = (29_090, 2_540)  # periods at 16 kHz: 0.55 Hz and 6.3 Hz
WOW_DEPTH = (15.0, 0.9)  # ticks of delay, each way: at most 9 cents
TAPE_DEPTH = (33.0, 2.2)  # on a worn tape: at most 21 cents
WOW_REACH = 74  # longer than the longest delay, in ticks
TREMOLO_TICKS = 3_478  # 4.6 Hz
TREMOLO_DEPTH = 0.2


def oscillate(ops: Ops, ticks: str, period: int) -> str:
    """sin(2 pi tick / period), exact at any position; ticks int64 [n], may be negative."""
    turned = ops.mod(ops.add(ops.mod(ticks, ops.i(period)), ops.i(period)), ops.i(period))
    return ops.op("Sin", ops.mul(ops.real(turned), ops.f(2 * np.pi / period)))


def wow(ops: Ops, sound: str, ticks: str, tape: str) -> str:
    """Reads `sound` [n] with a delay that swings: [n - WOW_REACH], for the ticks from WOW_REACH on.

    tape: int64 [], 1 for the deeper swing.
    """
    later = ops.op("Slice", ticks, ops.i([WOW_REACH]), ops.i([2**62]), ops.i([0]))
    depths = [ops.gather(ops.f(pair), tape) for pair in zip(WOW_DEPTH, TAPE_DEPTH, strict=True)]
    swings = [ops.mul(oscillate(ops, later, p), d) for p, d in zip(WOW_TICKS, depths, strict=True)]
    delay = ops.add(*swings, *depths, ops.f(1.0))
    whole = ops.op("Floor", delay)
    fraction = ops.sub(delay, whole)
    size = ops.length(later, 0)
    here = ops.sub(ops.add(ops.count(ops.i(0), size), ops.i(WOW_REACH)), ops.whole(whole))
    near, far = ops.gather(sound, here), ops.gather(sound, ops.sub(here, ops.i(1)))
    return ops.add(near, ops.mul(fraction, ops.sub(far, near)))


def _filter(ops: Ops, sound: str, block: int, matrix: str, outputs: int) -> str:
    """[n] through a block matrix of `outputs` columns: [n * outputs / block]; the first block has no past."""
    padded = ops.join(sound, ops.table(np.zeros(block, np.float32)))
    kept = ops.mul(ops.div(ops.length(padded, 0), ops.i(block)), ops.i(block))
    now = ops.reshape(ops.cut(padded, ops.i(0), kept, 0), -1, block)
    before = ops.op("Slice", now, ops.i([0]), ops.i([-1]), ops.i([0]))
    past = ops.join(ops.table(np.zeros((1, block), np.float32)), before)
    filtered = ops.reshape(ops.op("MatMul", ops.join(past, now, axis=1), matrix), -1)
    return ops.cut(filtered, ops.i(0), ops.mul(ops.length(sound, 0), ops.i(outputs // block)), 0)


def upsample(ops: Ops, sound: str) -> str:
    """16 kHz [n] to 32 kHz [2 n]; the first 64 samples lack their past."""
    return _filter(ops, sound, BLOCK // 2, ops.table(upsample_matrix()), BLOCK)


def tone(ops: Ops, sound: str, which: str, tape: str) -> str:
    """The low-pass of a tone, on tape or not (int64 []); the first BLOCK samples lack their past."""
    taps = ops.gather(ops.gather(ops.table(tone_taps()), which), tape)
    # Column n of the block matrix holds the taps reversed, ending at row BLOCK + n; zeros around them.
    padded = ops.join(ops.f([0.0] * (BLOCK - 1)), taps, ops.f([0.0] * BLOCK))
    column, row = ops.count(ops.i(0), ops.i(BLOCK)), ops.count(ops.i(0), ops.i(2 * BLOCK))
    lag = ops.sub(ops.unsqueeze(column, 0), ops.unsqueeze(row, 1))
    return _filter(ops, sound, BLOCK, ops.gather(padded, ops.add(lag, ops.i(2 * BLOCK - 1))), BLOCK)


def loop(ops: Ops, samples: NDArray[np.int8], scale: float, positions: str) -> str:
    """A noise loop read at absolute positions int64 [n], none negative."""
    index = ops.mod(positions, ops.i(len(samples)))
    return ops.mul(ops.cast(ops.gather(ops.table(samples), index), FLOAT), ops.f(scale))


def ceiling(ops: Ops, sound: str, highest: float) -> str:
    """A soft limit: what is small passes as it is, nothing exceeds `highest`."""
    return ops.mul(ops.op("Tanh", ops.mul(sound, ops.f(1 / highest))), ops.f(highest))
