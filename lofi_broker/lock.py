"""One broker per user: a lock taken before any bind, and the file that tells clients where it listens."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec


class BrokerFile(msgspec.Struct, frozen=True, kw_only=True):
    """`broker.json`, readable by its user only."""

    pid: int
    protocol: int
    version: str
    endpoint: str


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


def read_broker_file(path: Path) -> BrokerFile | None:
    """What the broker wrote; None when there is none or it is no broker's."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=BrokerFile)
    except (OSError, msgspec.DecodeError):
        return None


def write_broker_file(path: Path, content: BrokerFile) -> None:
    """Atomically, mode 0600."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(content))
    part.replace(path)
