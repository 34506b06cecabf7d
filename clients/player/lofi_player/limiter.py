"""Keeps peaks under a ceiling: it sees them coming, and turns down in time, without a click."""

from __future__ import annotations

import numpy as np

from lofi_player.sound import SILENCE, Frames

CEILING = float(10 ** (-1 / 20))
"""−1 dBFS: room for what a device's converter makes between samples."""
LOOK_AHEAD_SEC = 0.005
_RELEASE_SEC = 0.25
"""From silence to full; linear, as the way down is."""


class Limiter:
    """Samples under the ceiling come out as they went in, later by LOOK_AHEAD_SEC. None is lost or added.

    The gain is the highest one that is nowhere too high, falls by at most 1 within the look-ahead and rises
    by at most 1 within the release: two running minima, one over the future and one over the past.
    """

    def __init__(self, sample_rate: int) -> None:
        self._ahead = round(LOOK_AHEAD_SEC * sample_rate)
        self._rise = 1.0 / (_RELEASE_SEC * sample_rate)
        self._held = SILENCE
        self._gain = 1.0

    def process(self, block: Frames) -> Frames:
        """What can be told by now: the block, later by the look-ahead."""
        waiting = np.concatenate([self._held, block])
        return self._give(waiting, max(0, len(waiting) - self._ahead))

    def flush(self) -> Frames:
        """What is still held; nothing loud follows it."""
        return self._give(self._held, len(self._held))

    def _give(self, waiting: Frames, count: int) -> Frames:
        self._held = waiting[count:]
        out = waiting[:count]
        if not count or (self._gain == 1.0 and max(waiting.max(), -waiting.min()) <= CEILING):
            return out
        peaks = np.abs(waiting).max(axis=1)
        at = np.arange(len(waiting))
        allowed = CEILING / np.maximum(peaks.astype(np.float64), CEILING)
        falling = np.minimum.accumulate((allowed + at / self._ahead)[::-1])[::-1] - at / self._ahead
        before = np.concatenate([[self._gain + self._rise], falling[:count] - at[:count] * self._rise])
        gain = np.minimum.accumulate(before)[1:] + at[:count] * self._rise
        self._gain = min(1.0, float(gain[-1]))
        limited: Frames = (out * np.minimum(gain, 1.0)[:, None]).astype(np.float32)
        return limited
