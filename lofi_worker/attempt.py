"""One job in one slot: what becomes of its audio and its codes, and when a progress report is due."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec
from lofi_worker import tokens
from lofi_worker.bars import BarFinder
from lofi_worker.engine import State
from lofi_worker.loudness import Meter
from lofi_worker.recording import Recording
from lofi_worker.spool import SpoolFile, to_pcm16

REPORT_PERCENT = 5
REPORT_SEC = 2.0


@dataclass
class Attempt:
    job_id: str
    number: int
    spec: JobSpec
    recording: Recording
    loudness: Meter
    bars: BarFinder | None
    """None where the engine knows the bars."""
    started: float = field(default_factory=time.monotonic)
    _codes: bytearray = field(default_factory=bytearray)
    """uint16 [frames, codebooks]: an hour's take 1.5 MB."""
    _codebooks: int = 0
    _sounds: bool = False
    """A report has told of audio."""
    _reported_percent: int = 0
    _reported_at: float = field(default_factory=time.monotonic)

    def add(self, audio: NDArray[np.float32]) -> None:
        """Put new audio on disk, float [channels, samples]. Raises CacheWriteError."""
        pcm = to_pcm16(audio)
        self.recording.add(pcm)
        self.loudness.add(pcm)
        if self.bars is not None:
            self.bars.add(pcm)

    def add_codes(self, codes: NDArray[np.int64]) -> None:
        """Keep new codes, [frames, codebooks]."""
        self._codes += codes.astype(np.uint16).tobytes()
        self._codebooks = codes.shape[1]

    def keep_tokens(self, state: State | None) -> SpoolFile | None:
        """Put the codes on disk for those who continue the track, which nobody can do with a loop.

        Raises CacheWriteError.
        """
        if self.spec.loop or not self._codes:
            return None
        about = tokens.About(
            track_id=self.job_id, model_version=self.spec.model_version, prompt=self.spec.prompt
        )
        codes = np.frombuffer(self._codes, np.uint16).reshape(-1, self._codebooks).astype(np.int64)
        return self.recording.add_tokens(tokens.encode(about, codes, state))

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
