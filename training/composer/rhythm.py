"""Drum patterns: kick, snare, hat and how late they come, on a bar of 16 steps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.attributes import Attributes, pick
from training.composer.harmony import BAR
from training.composer.plan import BLOCK_BARS

GHOST, HIT = 1, 2  # of the snare
OPEN_HAT = 3
KICKS = {
    "boombap": (
        (0, 10), (0, 7, 10), (0, 6, 10), (0, 3, 10), (0, 10, 13), (0, 8, 11), (0, 7, 9), (0, 2, 10),
        (0, 6, 9, 14), (0, 8), (0, 3, 6, 10),
    ),
    "brushes": ((0, 10), (0, 8), (0,), (0, 6, 10), (0, 11)),
    "808": ((0, 7), (0, 10), (0, 6), (0, 7, 14), (0, 3, 10), (0, 6, 11), (0, 11)),
}  # fmt: skip
SPARSE_KICKS = ((0, 10), (0, 8), (0,), (0, 11))
HATS = {  # 1 soft, 2 accented
    "sparse": ((2, 0, 0, 0) * 4, (0, 0, 1, 0) * 4, (2, 0, 1, 0) * 4),
    "medium": ((2, 0, 1, 0) * 4, (1, 0, 2, 0) * 4, (2, 0, 1, 0, 2, 0, 1, 1) * 2),
    "busy": (
        (2, 0, 1, 1, 2, 0, 1, 0, 2, 0, 1, 1, 2, 0, 1, 1),
        (2, 1, 1, 1) * 4,
        (2, 0, 2, 1, 2, 1, 2, 0) * 2,
        (2, 0, 1, 0, 2, 1, 1, 0, 2, 0, 1, 1, 2, 1, 1, 1),
    ),
}
GHOSTS = {
    "boombap": ((), (7,), (9,), (7, 9), (15,), (3, 9), (7, 15), (10,)),
    "brushes": ((), (6, 10), (2, 6, 10, 14), (10,), (7, 15)),
    "808": ((), (), (15,), (7,)),
}


@dataclass(frozen=True, slots=True)
class Groove:
    """What the drummer keeps up for a section.

    kicks: of even bars and of odd ones, which answer; drag: how late the backbeat comes (0 to 2).
    """

    kicks: tuple[tuple[int, ...], tuple[int, ...]]
    hats: tuple[int, ...]
    ghosts: tuple[int, ...]
    drag: int
    opens: bool
    fills: bool


def choose_groove(a: Attributes, rng: np.random.Generator) -> Groove:
    """`a.drums` must name a kit."""
    patterns = SPARSE_KICKS if a.density == "sparse" else KICKS[a.drums]
    kicks = pick(rng, patterns)
    return Groove(
        kicks=(kicks, pick(rng, patterns) if rng.random() < 0.4 else kicks),
        hats=pick(rng, HATS[a.density]),
        ghosts=() if a.density == "sparse" else pick(rng, GHOSTS[a.drums]),
        drag=pick(rng, (0, 0, 1, 1, 2)),
        opens=a.drums != "brushes" and bool(rng.random() < 0.4),
        fills=a.density != "sparse" and bool(rng.random() < 0.6),
    )


def other_groove(groove: Groove, a: Attributes, rng: np.random.Generator) -> Groove:
    """Another section's: the same hand, other hats and kicks."""
    fresh = choose_groove(a, rng)
    return replace(fresh, drag=groove.drag)


def play_drums(groove: Groove, place: int, rng: np.random.Generator) -> np.ndarray:
    """Bar `place` of four: int64 [16, 4] of kick (0/1), snare (0..2), hat (0..3), late (0..2)."""
    bar = np.zeros((BAR, 4), np.int64)
    bar[list(groove.kicks[place % 2]), 0] = 1
    bar[list(groove.ghosts), 1] = GHOST
    bar[[4, 12], 1] = HIT
    bar[:, 2] = groove.hats
    bar[rng.random(BAR) < 0.03, 2] = 0
    bar[[4, 12], 3] = groove.drag
    human = rng.random(BAR) < 0.1
    human[[0, 4, 12]] = False
    bar[human & (bar[:, 1:3].sum(axis=1) > 0), 3] = 1
    closing = place == BLOCK_BARS - 1
    if closing and groove.opens:
        bar[14, 2] = OPEN_HAT
    if closing and groove.fills:
        match int(rng.integers(5)):
            case 0:
                bar[14, 0] = 1
            case 1:
                bar[[14, 15], 1] = HIT
            case 2:
                bar[[7, 15], 1] = HIT
            case 3:
                bar[13:, 1] = (GHOST, GHOST, HIT)
            case _:
                bar[13:, 2] = 2
    return bar


def thin_out(bar: np.ndarray) -> np.ndarray:
    """A bar of an outro, [16, 4]: the hats, softly, and a kick on the one."""
    left = np.zeros_like(bar)
    left[0, 0] = 1
    left[:, 2] = np.minimum(bar[:, 2], 1)
    return left


def pick_up(groove: Groove) -> np.ndarray:
    """A bar of a break: the hats alone, and a fill that leads out of it."""
    bar = np.zeros((BAR, 4), np.int64)
    bar[:12, 2] = [min(level, 1) for level in groove.hats[:12]]
    bar[12:, 1] = (HIT, 0, GHOST, HIT)
    return bar
