"""A track as a stream of frames, decoded piece by piece: wav, flac, ogg and mp3."""

from __future__ import annotations

from pathlib import Path

import miniaudio
import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import InvalidTrackId

CHANNELS = 2

Frames = NDArray[np.float32]
"""float32 [frames, 2], in −1 … 1."""

_AT_ONCE = 8192


class Source:
    """One open file, at its own sample rate; mono is heard on both sides.

    miniaudio decodes what libsndfile would, to the sample, but libsndfile's Python binding seeks after each
    read, which an mp3 decoder can be heard to do.
    """

    def __init__(self, path: str) -> None:
        """Raises InvalidTrackId when there is no sound to be had from it."""
        self._name = Path(path).name
        try:
            info = miniaudio.get_file_info(path)
            self._decoder = miniaudio.stream_file(
                path,
                output_format=miniaudio.SampleFormat.FLOAT32,
                nchannels=CHANNELS,
                sample_rate=info.sample_rate,
            )
        except FileNotFoundError as error:
            raise InvalidTrackId(f"{self._name} can't be played: it is gone") from error
        except miniaudio.DecodeError as error:
            raise InvalidTrackId(f"{self._name} can't be played: no sound of a known kind") from error
        self.sample_rate: int = info.sample_rate
        self.frames: int = info.num_frames
        self._read = 0
        if not self.frames:
            self.close()
            raise InvalidTrackId(f"{self._name} can't be played: it holds no sound")

    @property
    def duration_sec(self) -> float:
        return self.frames / self.sample_rate

    def read(self, frames: int) -> Frames:
        """The next frames; fewer, or none, at the end. Raises InvalidTrackId when it comes too early."""
        parts = [np.zeros((0, CHANNELS), np.float32)]
        left = min(frames, self.frames - self._read)
        while left:
            try:
                part = np.frombuffer(self._decoder.send(min(left, _AT_ONCE)), np.float32)
            except (StopIteration, miniaudio.DecodeError) as error:
                seconds = self._read / self.sample_rate
                raise InvalidTrackId(
                    f"{self._name} is damaged: its sound ends after {seconds:.1f} s"
                ) from error
            parts.append(part.reshape(-1, CHANNELS))
            self._read += len(parts[-1])
            left -= len(parts[-1])
        return np.concatenate(parts)

    def close(self) -> None:
        self._decoder.close()
