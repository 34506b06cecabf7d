"""Tracks and captions by seed and number: equal numbers give equal tracks, bit for bit."""

from __future__ import annotations

import numpy as np

from training.attributes import Attributes, sample_attributes
from training.captions import write_caption
from training.composer import Plan, compose, sample_plan
from training.tokens import Codes, encode_track

LONGEST_STEPS = 768  # a little over two minutes at the fastest tempo
SHORTEST_STEPS = 20  # five seconds at the slowest
TRAIN_SEED, HELD_OUT_SEED, CALIBRATION_SEED = 1, 2, 3
TRACKS, CAPTIONS, PLANS = 0, 1, 2  # streams of a seed


def _draw_steps(rng: np.random.Generator) -> int:
    """Lengths as people ask for them, from five seconds to two minutes; one in five is the longest."""
    kind = rng.random()
    if kind < 0.2:
        return LONGEST_STEPS
    low, high = (SHORTEST_STEPS, 200) if kind < 0.45 else (200, LONGEST_STEPS)
    return int(rng.integers(low, high + 1))


def track(seed: int, index: int, bars: int | None = None) -> tuple[Attributes, Codes]:
    """Track `index` of a seed: its attributes and codes int64 [4, HEADER_FRAMES + steps]."""
    rng = np.random.default_rng((seed, TRACKS, index))
    attributes = sample_attributes(rng)
    plan = sample_plan(attributes, rng)
    steps = _draw_steps(rng) if bars is None else 16 * bars
    return attributes, encode_track(attributes, plan, compose(attributes, plan, steps, rng))


def caption(seed: int, index: int, noise: bool = True) -> tuple[str, Attributes, frozenset[str]]:
    """Caption `index` of a seed, the attributes that it was written for and those that it states."""
    rng = np.random.default_rng((seed, CAPTIONS, index))
    attributes = sample_attributes(rng)
    written = write_caption(attributes, rng, noise)
    return written.text, attributes, written.states


def plan_beside(seed: int, index: int, attributes: Attributes) -> Plan:
    """A plan for caption `index` of a seed, of which captions say nothing."""
    return sample_plan(attributes, np.random.default_rng((seed, PLANS, index)))
