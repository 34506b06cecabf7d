"""One broker per user: a lock taken before any bind."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_TRIES = 5
_PAUSE_SEC = 0.005


class BrokerLock:
    """Held until `close`; the kernel gives it back however the process ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> bool:
        """False when another broker holds it. A second bind on its socket would steal its clients.

        Clients look at the lock for a moment to learn whether a broker runs: hence more than one try.
        """
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_SEC)
            else:
                return True
        return False

    def close(self) -> None:
        os.close(self._descriptor)
