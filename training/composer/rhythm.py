"""Drum patterns: kick, snare and hat on a bar of 16 steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.attributes import Attributes, pick

BAR = 16
KICKS = (
    (0, 10), (0, 7, 10), (0, 6, 10), (0, 3, 10), (0, 10, 13), (0, 8, 11), (0, 7, 9), (0, 2, 10),
    (0, 6, 9, 14), (0, 8),
)  # fmt: skip
SOFT_KICKS = ((0, 10), (0, 8), (0,), (0, 6, 10), (0, 11))
HATS = {  # 1 soft, 2 accented
    "sparse": ((2, 0, 0, 0) * 4, (0, 0, 1, 0) * 4, (2, 0, 1, 0) * 4),
    "medium": ((2, 0, 1, 0) * 4, (1, 0, 2, 0) * 4, (2, 0, 1, 0, 2, 0, 1, 1) * 2),
    "busy": (
        (2, 0, 1, 1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 1),
        (2, 1, 1, 1) * 4,
        (2, 0, 2, 1, 2, 1, 2, 0) * 2,
    ),
}
OPEN_HAT = 3


@dataclass(frozen=True, slots=True)
class Groove:
    """What the drummer keeps up for a few bars."""

    kicks: tuple[int, ...]
    hats: tuple[int, ...]
    opens: bool
    fills: bool


def choose_groove(attributes: Attributes, rng: np.random.Generator) -> Groove:
    soft = attributes.drums == "soft"
    return Groove(
        kicks=pick(rng, SOFT_KICKS if soft or attributes.density == "sparse" else KICKS),
        hats=pick(rng, HATS[attributes.density]),
        opens=not soft and bool(rng.random() < 0.4),
        fills=attributes.density != "sparse" and bool(rng.random() < 0.6),
    )


def play_drums(groove: Groove, closing: bool, rng: np.random.Generator) -> np.ndarray:
    """One bar: int64 [16, 3] of kick (0/1), snare (0/1) and hat (0..3). `closing` is the last bar of four."""
    bar = np.zeros((BAR, 3), np.int64)
    bar[list(groove.kicks), 0] = 1
    bar[[4, 12], 1] = 1
    bar[:, 2] = groove.hats
    silenced = rng.random(BAR) < 0.03
    bar[silenced, 2] = 0
    if closing and groove.opens:
        bar[14, 2] = OPEN_HAT
    if closing and groove.fills:
        match int(rng.integers(4)):
            case 0:
                bar[14, 0] = 1
            case 1:
                bar[[14, 15], 1] = 1
            case 2:
                bar[[7, 15], 1] = 1
            case _:
                bar[13:, 2] = 2
    return bar
