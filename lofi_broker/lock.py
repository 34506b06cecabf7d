"""One broker per user: a lock taken before any bind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class BrokerLock:
    """Held while the object lives; the kernel gives it back however the process ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> bool:
        """False when another broker holds it. A second bind on its socket would steal its clients."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._descriptor)
