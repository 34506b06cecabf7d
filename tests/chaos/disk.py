"""A disk of its own for one home, which can be made full: a tmpfs, or limits on file sizes without root."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

_SIZE_MB = 96
_LIMIT_BYTES = 30_000


class Disk(Protocol):
    kind: str

    def fill(self, pids: Iterable[int]) -> None:
        """From now on nothing new fits; `pids` are the processes that live."""

    def free(self, pids: Iterable[int]) -> None:
        """There is room again."""

    def close(self) -> None: ...


class Tmpfs:
    """Full for everybody, with ENOSPC, SQLite included."""

    kind = "tmpfs"

    def __init__(self, folder: Path) -> None:
        """Raises OSError when mounting is not allowed."""
        self._folder = folder
        self._ballast = folder / "ballast"
        options = f"size={_SIZE_MB}m,mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "lofi-chaos", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise PermissionError(errno.EPERM, done.stderr.strip())

    def fill(self, pids: Iterable[int]) -> None:
        room = os.statvfs(self._folder)
        with self._ballast.open("wb") as file:
            size = room.f_bavail * room.f_frsize
            while size >= room.f_frsize:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                    return
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size -= size // 100 + room.f_frsize  # somebody else was faster

    def free(self, pids: Iterable[int]) -> None:
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


class FileLimit:
    """For live processes only: no file grows over a limit, so that large writes end in their middle."""

    kind = "file limit"

    def fill(self, pids: Iterable[int]) -> None:
        _limit(pids, _LIMIT_BYTES)

    def free(self, pids: Iterable[int]) -> None:
        _limit(pids, None)

    def close(self) -> None:
        return


def _limit(pids: Iterable[int], limit: int | None) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if limit is None else limit, hard))


def own_disk(folder: Path) -> Disk:
    """The best that this user may have for a folder, which is empty."""
    try:
        return Tmpfs(folder)
    except OSError:
        return FileLimit()
