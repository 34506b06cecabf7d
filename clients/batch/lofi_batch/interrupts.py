"""Ctrl-C, SIGTERM and SIGHUP between two steps of a batch, never in the middle of one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Holds signals back outside of `allowed`, where they raise KeyboardInterrupt; a second one always does.

    What is ignored stays ignored: whoever started the command wanted that.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._open = False
        self.arm()

    def arm(self) -> None:
        """Again, after a library has taken the signals for itself."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """For waits."""
        self._open = True
        try:
            if self.received is not None:  # while signals were held back
                raise KeyboardInterrupt
            yield
        finally:
            self._open = False

    def check(self) -> None:
        """Between two steps."""
        with self.allowed():
            return

    def _receive(self, number: int, frame: object) -> None:
        again = self.received is not None
        self.received = number
        if again or self._open:
            raise KeyboardInterrupt
