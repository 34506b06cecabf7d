"""Files that come whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lofi_batch.errors import SourceLost
from lofi_common.new_file import new_file, sync_names

_BLOCK = 1 << 20


class Content(NamedTuple):
    """What a file has in it."""

    sha256: str
    bytes: int


def content(path: Path) -> Content:
    """Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Content(digest, file.tell())


class Copy:
    """A copy on its way: written, without a name until `keep`."""

    def __init__(self, target: Path) -> None:
        """Raises OSError when no file can be begun beside the target."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._ending = contextlib.ExitStack()
        self._descriptor = self._ending.enter_context(new_file(target, force=os.path.lexists(target)))

    def fill(self, source: Path) -> Content:
        """Raises SourceLost when the source can't be read, OSError when the copy can't be written."""
        digest = hashlib.sha256()
        size = 0
        with open(self._descriptor, "wb", closefd=False) as writer:
            for block in _blocks(source):
                digest.update(block)
                writer.write(block)
                size += len(block)
        return Content(digest.hexdigest(), size)

    def keep(self) -> None:
        """Give it its name, on disk. Raises OSError: then it has none, or one that may not be on disk."""
        self._ending.close()

    def drop(self, error: BaseException) -> None:
        """Leave nothing of it."""
        self._ending.__exit__(type(error), error, error.__traceback__)


def copy(source: Path, target: Path) -> Content:
    """Copy a file, over what has its name. Raises SourceLost, OSError."""
    copied = Copy(target)
    try:
        found = copied.fill(source)
    except BaseException as error:
        copied.drop(error)
        raise
    copied.keep()
    return found


@contextlib.contextmanager
def rewritten(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the target's place at the end of the block, on disk. Raises OSError: then it has not.

    Until then it has a name of its own, always the same: what is left of a writer that was killed is written
    over by the next one. There must not be two at a time.
    """
    part = target.with_name(f".{target.name.lstrip('.')}.new")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_names(target.parent)


def _blocks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as reader:
            while block := reader.read(_BLOCK):
                yield block
    except OSError as error:
        raise SourceLost(f"{source} can't be read: {error.strerror}") from error
