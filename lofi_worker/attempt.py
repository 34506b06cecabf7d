"""One job in one slot: where its audio goes, and when a progress report is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec
from lofi_worker.recording import Recording
from lofi_worker.spool import to_pcm16

REPORT_PERCENT = 5
REPORT_SEC = 2.0

_FULL_SCALE = 32_767


@dataclass
class Attempt:
    job_id: str
    number: int
    spec: JobSpec
    recording: Recording
    started: float = field(default_factory=time.monotonic)
    _peak: int = 0
    _sounds: bool = False
    """A report has told of audio."""
    _reported_percent: int = 0
    _reported_at: float = field(default_factory=time.monotonic)

    def add(self, audio: NDArray[np.float32]) -> None:
        """Put new audio on disk, float [channels, samples]. Raises CacheWriteError."""
        pcm = to_pcm16(audio)
        self.recording.add(pcm)
        self._peak = max(self._peak, int(np.abs(pcm).max(initial=0)))

    @property
    def peak(self) -> float:
        """The largest |sample|, 0 … 1."""
        return self._peak / _FULL_SCALE

    def report_due(self, done: int, total: int, now: float) -> bool:
        """True at the first audio, at every 5 %, and at least every 2 s; the caller then reports."""
        percent = 100 * done // total if total else 0
        step = percent - percent % REPORT_PERCENT
        first = self.recording.samples > 0 and not self._sounds
        if not first and step <= self._reported_percent and now - self._reported_at < REPORT_SEC:
            return False
        self._sounds = self._sounds or first
        self._reported_percent, self._reported_at = max(step, self._reported_percent), now
        return True
