"""The files of a batch: copied into its folder whole or not at all, and looked at again when it goes on."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from lofi_batch.manifest import Record
from lofi_common.errors import LofiError
from lofi_common.paths import sync_folder

_BLOCK = 1 << 20


class SourceLost(LofiError):
    """The library's file is gone, or is not the one that it was."""

    name = "TRACK_LOST"
    hint = "`lofi tracks` lists the library; what is deleted there is made again."


class FolderFailed(LofiError):
    """The folder of the batch can't be written: full, read-only, gone."""

    name = "FOLDER_FAILED"
    hint = "Make room or mend it; the same command goes on from here."


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

    Raises SourceLost when the source is not the file of this sha256, and FolderFailed.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            size = _copy(source, part, sha256)
            known(size)
            part.replace(target)
            sync_folder(target.parent)
        except BaseException:
            with contextlib.suppress(OSError):  # as broken a disk as the first error said
                part.unlink()
            raise
    except OSError as error:
        raise FolderFailed(f"{target} can't be written: {error.strerror}") from error


def _copy(source: Path, part: Path, sha256: str) -> int:
    """Returns the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    try:
        reader = source.open("rb")
    except OSError as error:
        raise SourceLost(f"{source} can't be read: {error.strerror}") from error
    with reader, part.open("wb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            writer.write(block)
            size += len(block)
        if digest.hexdigest() != sha256:
            raise SourceLost(f"{source} has not the bytes that the library knows")
        writer.flush()
        os.fsync(writer.fileno())
    return size
