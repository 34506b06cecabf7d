"""A file of lines that are read again where they stand."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

_BLOCK = 2048
"""More than most lines have."""


class Lines:
    """Links are not followed: somebody else's file is never taken for it."""

    def __init__(self, path: Path) -> None:
        """Opened for reading; a file that is not there has no lines. Raises OSError."""
        self.path = path
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return

    def __iter__(self) -> Iterator[bytes]:
        """All lines with their ends; the last one may have none."""
        if self._file is None:
            return
        with open(self._file, "rb", closefd=False) as file:
            yield from file

    def at(self, offset: int) -> bytes:
        """The line that begins there, without its end. Raises OSError."""
        assert self._file is not None
        found = b""
        while b"\n" not in found:
            block = os.pread(self._file, _BLOCK, offset + len(found))
            if not block:
                return found
            found += block
        return found[: found.index(b"\n")]

    def grow_from(self, size: int) -> None:
        """Make it one that can grow, of this many bytes. Raises OSError."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        self.close()
        self._file = file
        os.ftruncate(file, size)

    def append(self, data: bytes, size: int) -> None:
        """Put these bytes after the first `size` ones, on disk. Raises OSError: then none of them is."""
        assert self._file is not None
        try:
            if os.pwrite(self._file, data, size) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.close()
