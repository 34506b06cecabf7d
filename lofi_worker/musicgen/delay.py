"""The delay pattern: codebook q of a frame is generated delays[q] steps after codebook 0.

Source: "Simple and Controllable Music Generation" (Copet et al., 2023), section 2.2.
With four frames and the delays 0, 1, 2, 3 (· = the special token: not yet, or no longer, in its frames):

    column       0  1  2  3  4  5  6  7
    codebook 0   ·  a0 a1 a2 a3 ·  ·  ·
    codebook 1   ·  ·  b0 b1 b2 b3 ·  ·
    codebook 2   ·  ·  ·  c0 c1 c2 c3 ·
    codebook 3   ·  ·  ·  ·  d0 d1 d2 d3

Step s feeds column s and gives column s + 1, so that T frames take T + max(delays) steps.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def steps_for(frames: int, delays: Sequence[int]) -> int:
    """Decoder steps that `frames` frames take."""
    return frames + max(delays)


def in_frame(column: int, delays: Sequence[int], frames: int) -> NDArray[np.bool_]:
    """Which codebooks hold a code in this column: bool [codebooks]; the others hold the special token."""
    frame = column - 1 - np.asarray(delays)
    return (frame >= 0) & (frame < frames)


def complete_frames(column: int, delays: Sequence[int]) -> int:
    """Frames that are complete once this column is filled."""
    return max(0, column - max(delays))


def undelay(columns: NDArray[np.int64], delays: Sequence[int], start: int, stop: int) -> NDArray[np.int64]:
    """The codes of frames start … stop - 1, int64 [frames, codebooks], from columns [columns, codebooks]."""
    return np.stack([columns[start + 1 + d : stop + 1 + d, q] for q, d in enumerate(delays)], axis=1)
