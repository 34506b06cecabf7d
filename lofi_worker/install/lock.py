"""One installer per model name, across processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lofi_common.errors import ModelDownloadFailed


@contextlib.contextmanager
def model_lock(models: Path, name: str) -> Iterator[None]:
    """Held until the block ends, or the process does. The lock's file stays: removing it would race.

    Raises ModelDownloadFailed when another process has it.
    """
    folder = models / ".lock"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelDownloadFailed(
                f"{name} is being installed by another process",
                recovery="Wait until that is done; `lofi models list` tells.",
            ) from error
        yield
    finally:
        os.close(handle)
