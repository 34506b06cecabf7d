"""One job in one slot: collects its audio and knows when a progress report is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec

REPORT_PERCENT = 5
REPORT_SEC = 2.0


@dataclass
class Attempt:
    job_id: str
    number: int
    spec: JobSpec
    started: float = field(default_factory=time.monotonic)
    _audio: list[NDArray[np.float32]] = field(default_factory=list)
    _samples: int = 0
    _reported_percent: int = 0
    _reported_at: float = field(default_factory=time.monotonic)

    def add(self, audio: NDArray[np.float32]) -> None:
        """Keep new audio, float [channels, samples]."""
        self._audio.append(audio)
        self._samples += audio.shape[1]

    @property
    def samples(self) -> int:
        return self._samples

    def audio(self) -> NDArray[np.float32]:
        return np.concatenate(self._audio, axis=1)

    def report_due(self, done: int, total: int, now: float) -> bool:
        """True at every 5 % and at least every 2 s; the caller then reports."""
        percent = 100 * done // total if total else 0
        step = percent - percent % REPORT_PERCENT
        if step <= self._reported_percent and now - self._reported_at < REPORT_SEC:
            return False
        self._reported_percent, self._reported_at = max(step, self._reported_percent), now
        return True
