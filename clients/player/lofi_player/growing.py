"""A track that is still being written: a WAV file of 16 bits that only ever grows."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from lofi_common.errors import InvalidTrackId
from lofi_player.sound import CHANNELS, SILENCE, Frames

HEADER = 44
_LAYOUT = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FULL = 32768


class GrowingFile:
    """A Sound. Another attempt may go on with it in a file of its own, with the same bytes and more: what the
    former one has is read from there."""

    def __init__(self, path: str) -> None:
        """Raises InvalidTrackId when it is gone, or no such file."""
        self._file = _File(path)
        self._former: _File | None = None
        self.sample_rate = self._file.sample_rate
        self.frames = self._file.expected
        self.whole = False
        self._at = 0

    def ready(self) -> int:
        ready = self._file.ready()
        if self._former is not None:
            ready = max(ready, self._former.ready())
        return min(ready, self.frames) if self.whole else ready

    def read(self, frames: int) -> Frames:
        block = SILENCE
        if self._former is not None:
            block = self._former.read(self._at, frames)
            if self._file.ready() >= self._former.ready():
                self._former.close()
                self._former = None
        if not len(block):
            block = self._file.read(self._at, frames)
        if self.whole:
            left = max(0, self.frames - self._at)
            if left and frames and not len(block):
                seconds = self._at / self.sample_rate
                raise InvalidTrackId(f"{self._file.name} is damaged: its sound ends after {seconds:.1f} s")
            block = block[:left]
        self._at += len(block)
        return block

    def seek(self, frame: int) -> None:
        self._at = frame

    def grown(self, frames: int) -> None:
        """It is whole, with so many frames."""
        self.frames = frames
        self.whole = True

    def regrow(self, other: GrowingFile) -> None:
        """Go on with what another one, of nothing but this, reads. Raises InvalidTrackId when it can't be the
        same track."""
        if other.sample_rate != self.sample_rate:
            raise InvalidTrackId(f"{other._file.name} is of another sample rate than what it goes on with")
        if self._former is not None and self._former.ready() >= self._file.ready():
            self._file.close()
        else:
            if self._former is not None:
                self._former.close()
            self._former = self._file
        self._file = other._file

    def close(self) -> None:
        self._file.close()
        if self._former is not None:
            self._former.close()


class _File:
    """Reads at places, so that it has none itself."""

    def __init__(self, path: str) -> None:
        self.name = Path(path).name
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise InvalidTrackId(f"{self.name} can't be played: it is gone") from error
        try:
            header = _LAYOUT.unpack(self._bytes(0, HEADER))
            riff, _, wave, fmt, _, kind, channels, rate, _, _, bits, data, size = header
            if (riff, wave, fmt, data, kind, bits) != (b"RIFF", b"WAVE", b"fmt ", b"data", 1, 16):
                raise ValueError("another kind of file")
            if channels not in (1, 2) or not rate:
                raise ValueError("another kind of sound")
        except (struct.error, ValueError) as error:
            self.close()
            raise InvalidTrackId(f"{self.name} can't be played while it grows: no WAV of 16 bits") from error
        self.sample_rate: int = rate
        self._channels: int = channels
        self._frame: int = 2 * channels
        self.expected: int = size // self._frame

    def ready(self) -> int:
        size = os.fstat(self._descriptor).st_size
        return max(0, size - HEADER) // self._frame

    def read(self, at: int, frames: int) -> Frames:
        """From frame `at` on; fewer at the end of what is written."""
        data = self._bytes(HEADER + at * self._frame, frames * self._frame)
        samples = np.frombuffer(data, "<i2", count=len(data) // 2 // self._channels * self._channels)
        block = samples.reshape(-1, self._channels).astype(np.float32) / np.float32(_FULL)
        return block if self._channels == CHANNELS else np.repeat(block, CHANNELS, axis=1)

    def _bytes(self, start: int, count: int) -> bytes:
        os.lseek(self._descriptor, start, os.SEEK_SET)
        parts = []
        while count and (part := os.read(self._descriptor, count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
