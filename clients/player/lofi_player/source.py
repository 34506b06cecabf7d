"""A track as a stream of frames, decoded piece by piece: wav, flac, ogg and mp3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_common.errors import InvalidTrackId

CHANNELS = 2

Frames = NDArray[np.float32]
"""float32 [frames, 2], in −1 … 1."""


class Source:
    """One open file."""

    def __init__(self, path: str) -> None:
        """Raises InvalidTrackId when there is no sound to be had from it."""
        self._path = Path(path)
        try:
            self._file = soundfile.SoundFile(path)
        except (OSError, soundfile.SoundFileError) as error:
            why = "it is gone" if not self._path.exists() else str(error)
            raise InvalidTrackId(f"{self._path.name} can't be played: {why}") from error
        self.sample_rate: int = self._file.samplerate
        self.duration_sec: float = self._file.frames / self.sample_rate

    def read(self, frames: int) -> Frames:
        """The next frames; fewer, or none, at the end. Raises InvalidTrackId when they can't be decoded."""
        try:
            block: Frames = self._file.read(frames, dtype="float32", always_2d=True)
        except (OSError, soundfile.SoundFileError) as error:
            raise InvalidTrackId(f"{self._path.name} can't be read on: {error}") from error
        # Mono is heard on both sides; of more channels than two, the first two.
        return block if block.shape[1] == CHANNELS else block[:, [0, min(1, block.shape[1] - 1)]]

    def close(self) -> None:
        self._file.close()
