"""What takes are held against: tracks of the composer, and codes shuffled, drawn by chance or looped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from training.attributes import Attributes
from training.composer import Plan, compose, sample_plan
from training.judge.crew import Crew
from training.judge.takes import Take, read_header, steps_for
from training.tokens import (
    BLOCK_STEPS,
    HEADER_FRAMES,
    HEADER_STARTS,
    STEP_CODES,
    Codes,
    decode_plan,
    encode_track,
)  # fmt: skip

CONTROL_SEED = 5


def composed(attributes: Attributes, plan: Plan | None, seconds: int, seed: tuple[int, ...]) -> Codes:
    """A track of the composer that fills `seconds`; without a plan it draws one."""
    rng = np.random.default_rng((CONTROL_SEED, *seed))
    plan = plan or sample_plan(attributes, rng)
    score = compose(attributes, plan, steps_for(seconds, attributes.bpm), rng)
    return encode_track(attributes, plan, score)


def as_takes(crew: Crew, tracks: Sequence[Codes], seconds: int) -> list[Take]:
    """Codes played by the model's codec."""
    audio = crew.play(tracks, seconds)
    return [
        Take("", i, codes, sound, read_header(codes))
        for i, (codes, sound) in enumerate(zip(tracks, audio, strict=True))
    ]


def reference(crew: Crew, wanted: Sequence[Attributes], seconds: int) -> list[Take]:
    """A composed track for each description."""
    tracks = [composed(attributes, None, seconds, (0, i)) for i, attributes in enumerate(wanted)]
    return as_takes(crew, tracks, seconds)


def real(crew: Crew, takes: Sequence[Take], seconds: int) -> list[Take]:
    """What the composer writes under the headers of these takes, plans included.

    So a figure differs from the takes' for what was played, not for what was drawn to be played.
    """
    tracks = [
        composed(take.header, decode_plan(take.codes), seconds, (1, i))
        for i, take in enumerate(takes)
        if take.header is not None
    ]
    return as_takes(crew, tracks, seconds)


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


def looped(codes: Codes, seed: int) -> Codes:
    """One block for ever, the second one of the track, under the same header; `seed` changes nothing."""
    steps = codes[:, HEADER_FRAMES:]
    block = steps[:, BLOCK_STEPS : 2 * BLOCK_STEPS]
    times = -(-steps.shape[1] // BLOCK_STEPS)
    return np.concatenate([codes[:, :HEADER_FRAMES], np.tile(block, times)[:, : steps.shape[1]]], axis=1)


def indoors(codes: Codes) -> Codes:
    """The same track without rain, café, night and vinyl."""
    still = codes.copy()
    still[:2, 2] = HEADER_STARTS[2][:2]
    return still


def altered(
    crew: Crew, takes: Sequence[Take], change: Callable[[Codes, int], Codes], seconds: int
) -> list[Take]:
    """Takes with changed codes."""
    return as_takes(crew, [change(take.codes, i) for i, take in enumerate(takes)], seconds)
