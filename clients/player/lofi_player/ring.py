"""Frames on their way from the thread that makes them to the device that takes them."""

from __future__ import annotations

import numpy as np

from lofi_player.sound import CHANNELS, Frames


class Ring:
    """One writer and one reader, each in its own thread. Neither ever waits for the other.

    Each side moves only its own count, after the frames are copied, so no lock is needed.
    """

    def __init__(self, capacity: int) -> None:
        """capacity: frames."""
        self._frames = np.zeros((capacity, CHANNELS), np.float32)
        self.written = 0
        self.read_frames = 0
        self.missing = 0
        """Frames that were asked for while `flowing`, and not there."""
        self.flowing = False
        """Set by the writer while there is more to come."""

    def room(self) -> int:
        return len(self._frames) - (self.written - self.read_frames)

    def write(self, block: Frames) -> None:
        """Add a block that there is room for."""
        assert len(block) <= self.room()
        start = self.written % len(self._frames)
        first = min(len(block), len(self._frames) - start)
        self._frames[start : start + first] = block[:first]
        self._frames[: len(block) - first] = block[first:]
        self.written += len(block)

    def read(self, count: int) -> Frames:
        """The next `count` frames, with silence in the place of those that are not there."""
        out = np.zeros((count, CHANNELS), np.float32)
        there = min(count, self.written - self.read_frames)
        start = self.read_frames % len(self._frames)
        first = min(there, len(self._frames) - start)
        out[:first] = self._frames[start : start + first]
        out[first:there] = self._frames[: there - first]
        self.read_frames += there
        if self.flowing:
            self.missing += count - there
        return out

    def fade_in(self, frames: int) -> None:
        """Let what is read next rise from silence; only while nobody reads."""
        frames = min(frames, self.written - self.read_frames)
        places = (self.read_frames + np.arange(frames)) % len(self._frames)
        self._frames[places] *= (np.arange(1, frames + 1, dtype=np.float32) / max(1, frames))[:, None]
