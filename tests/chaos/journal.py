"""What a client asked and was answered, kept on disk while it happens: the evidence of what was accepted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`asked`: before a request is sent. `answered`, `refused`: what came back. `told`: by an event."""

    at: float
    kind: Literal["asked", "answered", "refused", "told"]
    method: str
    track_id: str | None = None
    state: str | None = None
    asked_at: float | None = None
    error: str | None = None
    sha256: str | None = None


class Journal:
    """One client's file. A line is one write, so that a killed client leaves whole lines."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(
        self, kind: Literal["asked", "answered", "refused", "told"], method: str, **more: object
    ) -> float:
        """Note what happens now; returns the time, in seconds since 1970."""
        at = time.time()
        entry = msgspec.convert({"at": at, "kind": kind, "method": method, **more}, Entry)
        os.write(self._descriptor, msgspec.json.encode(entry) + b"\n")
        return at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def read_journals(paths: Iterable[Path]) -> list[Entry]:
    """All entries of all clients, in the order of their times."""
    entries = [
        msgspec.json.decode(line, type=Entry) for path in paths for line in path.read_bytes().splitlines()
    ]
    return sorted(entries, key=lambda entry: entry.at)
