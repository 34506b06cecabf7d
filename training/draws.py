"""Tracks and captions by seed and number: equal numbers give equal tracks, bit for bit."""

from __future__ import annotations

import numpy as np

from training.attributes import Attributes, sample_attributes
from training.captions import write_caption
from training.composer import compose
from training.tokens import Codes, encode_track

BARS = 48  # 768 steps: a little over two minutes at the fastest tempo
TRAIN_SEED, HELD_OUT_SEED, CALIBRATION_SEED = 1, 2, 3
TRACKS, CAPTIONS = 0, 1  # streams of a seed


def track(seed: int, index: int, bars: int = BARS) -> tuple[Attributes, Codes]:
    """Track `index` of a seed: its attributes and codes int64 [4, HEADER_FRAMES + 16 * bars]."""
    rng = np.random.default_rng((seed, TRACKS, index))
    attributes = sample_attributes(rng)
    return attributes, encode_track(attributes, compose(attributes, bars, rng))


def caption(seed: int, index: int, noise: bool = True) -> tuple[str, Attributes, frozenset[str]]:
    """Caption `index` of a seed, the attributes that it was written for and those that it states."""
    rng = np.random.default_rng((seed, CAPTIONS, index))
    attributes = sample_attributes(rng)
    written = write_caption(attributes, rng, noise)
    return written.text, attributes, written.states
