"""The files of a batch: copied into its folder whole or not at all, and looked at again when it goes on."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lofi_batch.manifest import Record
from lofi_common.errors import LofiError
from lofi_common.new_file import new_file

_BLOCK = 1 << 20
_DISK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""No other file could be written either."""


class SourceLost(LofiError):
    """The library's file is gone, or is not the one that it was."""

    name = "TRACK_LOST"
    hint = "`lofi tracks` lists the library; what is deleted there is made again."


class FolderFailed(LofiError):
    """The folder of the batch can't be written: full, read-only, gone."""

    name = "FOLDER_FAILED"
    hint = "Make room or mend it."


class TargetFailed(LofiError):
    """One file can't get its name; others can."""

    name = "FILE_FAILED"
    hint = "Move away what is in its place, or give the row another file."


def is_there(folder: Path, record: Record) -> bool:
    """Whether the record's file is there and has its bytes. Raises OSError when it can't be read."""
    path = folder / record.path
    try:
        if not path.is_file() or path.stat().st_size != record.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == record.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False


def inside(folder: Path, parent: str) -> bool:
    """Whether a relative path to a folder stays in this one, links included."""
    return (folder / parent).resolve().is_relative_to(folder.resolve())


def take(source: Path, target: Path, sha256: str, known: Callable[[int], None]) -> None:
    """Copy a file to its name, in one step and on disk. `known` is called with its bytes before it has its
    name: a file that nothing is known of is not left behind.

    Raises SourceLost when the source is not the file of this sha256, TargetFailed, and FolderFailed.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with new_file(target, force=os.path.lexists(target)) as descriptor:
            known(_copy(source, descriptor, sha256))
    except OSError as error:
        kind = FolderFailed if error.errno in _DISK_FAILED else TargetFailed
        raise kind(f"{target} can't be written: {error.strerror}") from error


def _copy(source: Path, descriptor: int, sha256: str) -> int:
    """Returns the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    with open(descriptor, "wb", closefd=False) as writer:
        for block in _blocks(source):
            digest.update(block)
            writer.write(block)
            size += len(block)
    if digest.hexdigest() != sha256:
        raise SourceLost(f"{source} has not the bytes that the library knows")
    return size


def _blocks(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as reader:
            while block := reader.read(_BLOCK):
                yield block
    except OSError as error:
        raise SourceLost(f"{source} can't be read: {error.strerror}") from error
