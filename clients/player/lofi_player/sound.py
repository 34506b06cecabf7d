"""What a track's samples come from, whatever kind of file it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

CHANNELS = 2

Frames = NDArray[np.float32]
"""float32 [frames, 2], in −1 … 1."""

SILENCE: Frames = np.zeros((0, CHANNELS), np.float32)


class Sound(Protocol):
    """One open file, at its own sample rate; mono is heard on both sides."""

    sample_rate: int
    frames: int
    """Of the whole; while it grows, as many as are expected."""
    whole: bool
    """All of them are there."""

    def ready(self) -> int:
        """Frames that are there, from the beginning."""

    def read(self, frames: int) -> Frames:
        """The next frames; fewer, or none, at the end of what is there.

        Raises InvalidTrackId when the file turns out to be damaged.
        """

    def seek(self, frame: int) -> None:
        """Read on from there."""

    def close(self) -> None: ...
