"""What takes are held against: real tracks of the composer, and codes shuffled or drawn by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.attributes import Attributes
from training.composer import compose
from training.judge.takes import Player, Take, frames_for, read_header
from training.tokens import HEADER_FRAMES, STEP_CODES, Codes, encode_track

CONTROL_SEED = 5
BARS = 16  # 40 s at the fastest tempo


def real(player: Player, wanted: Sequence[Attributes], seconds: float, stream: int) -> list[Take]:
    """A composed track for each description; another `stream`, other tracks."""
    found = []
    for i, attributes in enumerate(wanted):
        rng = np.random.default_rng((CONTROL_SEED, stream, i))
        codes = encode_track(attributes, compose(attributes, BARS, rng))[
            :, : frames_for(seconds, attributes.bpm)
        ]
        found.append(Take("", i, codes, player.play(codes, seconds), attributes))
    return found


def shuffled(codes: Codes, seed: int) -> Codes:
    """The same steps in another order, under the same header."""
    order = np.random.default_rng((CONTROL_SEED, 100, seed)).permutation(codes.shape[1] - HEADER_FRAMES)
    return np.concatenate([codes[:, :HEADER_FRAMES], codes[:, HEADER_FRAMES:][:, order]], axis=1)


def chance(codes: Codes, seed: int) -> Codes:
    """Any legal steps under the same header."""
    rng = np.random.default_rng((CONTROL_SEED, 200, seed))
    steps = codes.shape[1] - HEADER_FRAMES
    drawn = np.stack([rng.integers(size, size=steps) for size in STEP_CODES])
    return np.concatenate([codes[:, :HEADER_FRAMES], drawn], axis=1)


def altered(player: Player, takes: Sequence[Take], how: str, seconds: float) -> list[Take]:
    """Takes with `shuffled` or `chance` codes."""
    change = {"shuffled": shuffled, "chance": chance}[how]
    found = []
    for i, take in enumerate(takes):
        codes = change(take.codes, i)
        found.append(Take(take.prompt, take.seed, codes, player.play(codes, seconds), read_header(codes)))
    return found
