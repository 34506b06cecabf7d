"""Where sound goes over into other sound: how long, and with which samples. Plain functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lofi_player.sound import Frames

SPLICE_SEC = 0.03
SHORT_SEC = 2.0
"""Tracks under it are not faded into each other."""


def overlap_sec(crossfade_sec: float, first_sec: float, second_sec: float) -> float:
    """How long a crossfade is. One of more than half of the shorter track shrinks to a quarter of that."""
    shorter = min(first_sec, second_sec)
    if shorter < SHORT_SEC:
        return 0.0
    return shorter / 4 if crossfade_sec > shorter / 2 else crossfade_sec


def weights(start: int, count: int, length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of what goes and of what comes, for `count` frames from `start` of a crossfade of `length`: [count, 1].

    Their squares add up to 1, so that the power of two sounds that have nothing in common stays.
    """
    angle = (np.arange(start, start + count)[:, None] + 0.5) * (np.pi / 2 / length)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def splice(tail: Frames, lead: Frames) -> Frames:
    """`tail`, which is left, mixed with `lead`, which is what comes before the place that is gone to."""
    down, up = weights(0, len(tail), len(tail))
    mixed: Frames = tail * down + lead * up
    return mixed


def turn(tail: Frames, head: Frames) -> Frames:
    """`tail`, the end of a sound, then `head`, its beginning, as they are; where that would click, the one is
    faded out and the other one in. No frame is lost or added."""
    both = np.concatenate([tail, head])
    if not len(tail) or not len(head) or _smooth(tail, head):
        return both
    down, _ = weights(0, len(tail), len(tail))
    _, up = weights(0, len(head), len(head))
    softened: Frames = both * np.concatenate([down, up])
    return softened


def _smooth(tail: Frames, head: Frames) -> bool:
    step = np.abs(head[0] - tail[-1])
    return bool(all(step[side] <= max(_steepest(tail[:, side]), _steepest(head[:, side])) for side in (0, 1)))


def _steepest(samples: Frames) -> float:
    return float(np.abs(np.diff(samples)).max(initial=0.0))
