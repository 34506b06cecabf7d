"""`broker.json`: how clients find the broker that runs."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class BrokerFile(msgspec.Struct, frozen=True, kw_only=True):
    """`broker.json`, readable by its user only."""

    pid: int
    protocol: int
    version: str
    endpoint: str


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
