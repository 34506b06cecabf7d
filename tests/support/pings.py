"""How long a front end takes to answer, measured from a thread while something else goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_EVERY_SEC = 0.005


class Pings:
    """Calls `ping` every 5 ms until the block ends.

    Pings that are due while one waits for its answer count from the time they were due, so that a stall fills
    as many samples as it lasted.
    """

    def __init__(self, name: str, ping: Callable[[], object]) -> None:
        self._name = name
        self._ping = ping
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self.seconds: list[float] = []
        """From when each was due to its answer."""

    def _run(self) -> None:
        try:
            due = time.perf_counter()
            while not self._stop.wait(max(0.0, due - time.perf_counter())):
                self._ping()
                answered = time.perf_counter()
                while due < answered:
                    self.seconds.append(answered - due)
                    due += _EVERY_SEC
        except BaseException as error:
            self._error = error

    @property
    def p99_ms(self) -> float:
        ordered = sorted(self.seconds)
        return 1000 * ordered[int(0.99 * len(ordered))]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        ordered = sorted(self.seconds)
        print(
            f"{self._name}: {len(ordered)} pings, median {1000 * ordered[len(ordered) // 2]:.1f} ms,"
            f" p99 {self.p99_ms:.1f} ms, longest {1000 * ordered[-1]:.1f} ms"
        )
