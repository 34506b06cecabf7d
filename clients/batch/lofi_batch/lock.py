"""One batch at a time in a folder, or several shards of one division."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lofi_batch.plan import WHOLE, Shard
from lofi_common.errors import LofiError

_NAME = ".lofi-batch.lock"
_PATIENCE_SEC = 1.0
_PAUSE_SEC = 0.02


class Busy(LofiError):
    """Another lofi-batch works in the folder; the kernel gives its lock back however it ends."""

    name = "FOLDER_BUSY"
    hint = "Wait for it, or give another folder; shards of one division (--shard i/n) may share a folder."


@contextmanager
def locked(folder: Path, shard: Shard) -> Iterator[None]:
    """Hold the folder for a shard. Raises Busy, OSError."""
    common = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        _share(common, folder, shard)
        if shard == WHOLE:
            yield
            return
        name = f"{_NAME}.{shard.part}-of-{shard.parts}"
        own = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if not _taken(own, fcntl.LOCK_EX):
                raise Busy(f"another lofi-batch makes shard {shard.part}/{shard.parts} in {folder}")
            yield
        finally:
            os.close(own)
    finally:
        os.close(common)


def _share(descriptor: int, folder: Path, shard: Shard) -> None:
    """The first one writes into how many shards the rows are divided; others must agree."""
    if _taken(descriptor, fcntl.LOCK_EX):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(shard.parts).encode(), 0)
        if shard == WHOLE:
            return
    # Between one kind of lock and the other somebody else may have had it.
    if shard == WHOLE or not _shared(descriptor):
        raise Busy(f"another lofi-batch works in {folder}")
    parts = os.pread(descriptor, 16, 0).decode()
    if parts != str(shard.parts):
        raise Busy(f"another lofi-batch works in {folder}, in {parts} shards")


def _shared(descriptor: int) -> bool:
    """Others that begin at the same moment have it for themselves for an instant only."""
    deadline = time.monotonic() + _PATIENCE_SEC
    while not _taken(descriptor, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SEC)
    return True


def _taken(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
