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
_GLANCE_SEC = 0.1
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
        own = os.open(folder / _own_name(shard), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if not _taken_soon(own, fcntl.LOCK_EX, _GLANCE_SEC):
                raise Busy(f"another lofi-batch makes shard {shard.part}/{shard.parts} in {folder}")
            yield
        finally:
            os.close(own)
    finally:
        os.close(common)


def is_at_work(folder: Path, shard: Shard) -> bool:
    """Whether a run of this shard holds the folder. Raises OSError."""
    name = _NAME if shard == WHOLE else _own_name(shard)
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not _taken(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _own_name(shard: Shard) -> str:
    return f"{_NAME}.{shard.part}-of-{shard.parts}"


def _share(descriptor: int, folder: Path, shard: Shard) -> None:
    """The first one writes into how many shards the rows are divided; others must agree."""
    if _taken_soon(descriptor, fcntl.LOCK_EX, _GLANCE_SEC):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(shard.parts).encode(), 0)
        if shard == WHOLE:
            return
    # Between one kind of lock and the other somebody else may have had it.
    if shard == WHOLE or not _taken_soon(descriptor, fcntl.LOCK_SH, _PATIENCE_SEC):
        raise Busy(f"another lofi-batch works in {folder}")
    parts = os.pread(descriptor, 16, 0).decode()
    if parts != str(shard.parts):
        raise Busy(f"another lofi-batch works in {folder}, in {parts} shards")


def _taken_soon(descriptor: int, how: int, patience_sec: float) -> bool:
    """Others have it for an instant only when they begin at the same moment, or look who is at work."""
    deadline = time.monotonic() + patience_sec
    while not _taken(descriptor, how):
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
