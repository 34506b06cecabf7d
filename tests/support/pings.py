"""How long a front end takes to answer, measured from a thread while something else goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PAUSE_SEC = 0.002


class Pings:
    """Calls `ping` again and again until the block ends."""

    def __init__(self, name: str, ping: Callable[[], object]) -> None:
        self._name = name
        self._ping = ping
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self.seconds: list[float] = []

    def _run(self) -> None:
        try:
            while not self._stop.wait(_PAUSE_SEC):
                began = time.perf_counter()
                self._ping()
                self.seconds.append(time.perf_counter() - began)
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
