"""How often and how long to try again."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from lofi_common.errors import ModelDownloadFailed
from lofi_common.logs import fields
from lofi_worker.install.answers import Transient

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PatienceSettings:
    """tries: failures in a row, each with less than `progress_bytes` since the last, until it is given up.

    stall_sec: how long a connection may bring nothing, or on average less than `least_bytes_per_sec`.
    longest_wait_sec: the longest Retry-After obeyed.
    """

    tries: int = 8
    first_pause_sec: float = 0.5
    longest_pause_sec: float = 30.0
    longest_wait_sec: float = 300.0
    stall_sec: float = 30.0
    least_bytes_per_sec: float = 1024.0
    progress_bytes: int = 1 << 20


class Pace:
    """What one connection brings, in stretches of `stall_sec` and more."""

    def __init__(self, settings: PatienceSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._since = clock()
        self._count = 0

    def brought(self, count: int) -> None:
        """`count` more bytes have come. Raises Transient at the end of a stretch that had too few."""
        self._count += count
        took = self._clock() - self._since
        if took < self._settings.stall_sec:
            return
        if self._count < took * self._settings.least_bytes_per_sec:
            raise Transient(f"only {self._count} bytes came in {took:.3g} s")
        self._since += took
        self._count = 0


class Patience:
    """Counts the failures of one thing that is tried again."""

    def __init__(
        self,
        what: str,
        settings: PatienceSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self._what = what
        self._settings = settings
        self._sleep = sleep
        self._jitter = jitter or random.Random()
        self._failures = 0
        self._progress = 0

    def progressed(self, count: int) -> None:
        """`count` more bytes have come: after enough of them the failures are forgotten."""
        self._progress += count
        if self._progress >= self._settings.progress_bytes:
            self._failures = self._progress = 0

    def failed(self, error: Transient) -> None:
        """Sleep until the next try. Raises ModelDownloadFailed when it was the last one.

        Pauses double, with jitter over their upper half, so that many clients don't come back as one.
        """
        self._failures += 1
        limits = self._settings
        if self._failures >= limits.tries:
            raise ModelDownloadFailed(
                f"{self._what} can't be had: {error}", details=f"given up after {self._failures} tries"
            ) from error
        pause = min(limits.longest_pause_sec, limits.first_pause_sec * 2.0 ** (self._failures - 1))
        pause *= self._jitter.uniform(0.5, 1.0)
        if error.wait_sec is not None:
            if error.wait_sec > limits.longest_wait_sec:
                raise ModelDownloadFailed(
                    f"{self._what} can't be had: {error}",
                    details=f"the server asks to wait for {error.wait_sec:.0f} s",
                ) from error
            pause = max(pause, error.wait_sec)
        log.warning(
            fields(
                "download_retry",
                what=self._what,
                failure=self._failures,
                pause_sec=round(pause, 2),
                reason=error,
            )
        )
        self._sleep(pause)
