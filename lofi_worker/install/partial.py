"""A file that is on its way: what has come lies in NAME.part, what it is to become stands in NAME.json."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from lofi_worker.install.remote import RemoteFile

_BLOCK = 1 << 20
DRAFT = ".json.new"
"""Suffix of a sidecar that is being written."""


class Sidecar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """identity: names the content (`RemoteModel.identity`). etag: needed only where no hash is known."""

    identity: str
    bytes: int
    etag: str | None = None


class Partial:
    """The bytes of one file that have arrived, hashed as they come.

    folder: holds the part and its sidecar; both outlive the process. Whoever opens it holds the model's lock.
    """

    def __init__(self, folder: Path, file: RemoteFile, identity: str) -> None:
        self._file = file
        self._part = folder / f"{file.name}.part"
        self._sidecar_path = folder / f"{file.name}.json"
        self._wanted = Sidecar(identity=identity, bytes=file.bytes)
        found = read_sidecar(self._sidecar_path)
        self.etag: str | None = found.etag if found else None
        same = found is not None and (found.identity, found.bytes) == (identity, file.bytes)
        self._handle = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._hash = file.new_hash()
        self.size = 0
        if same and os.fstat(self._handle).st_size <= file.bytes:
            self._hash_what_is_there()
        else:
            self.restart()

    def restart(self, etag: str | None = None) -> None:
        """Forget what has come. etag: of the answer that is about to be stored."""
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        self._hash = self._file.new_hash()
        self.size = 0
        self.etag = etag
        write_sidecar(self._sidecar_path, msgspec.structs.replace(self._wanted, etag=etag))

    def append(self, data: bytes) -> None:
        """Raises OSError when the disk does not take all of it; what it took counts."""
        view = memoryview(data)
        while view:
            written = os.write(self._handle, view)
            self._hash.update(view[:written])
            self.size += written
            view = view[written:]

    def hexdigest(self) -> str:
        """Of all bytes so far, in the kind of hash that is expected of the file."""
        return self._hash.hexdigest()

    def finish(self, target: Path) -> None:
        """Move the file into place; it is on the disk when this returns. The sidecar stays."""
        os.fsync(self._handle)
        self._part.replace(target)
        sync(target.parent)

    def close(self) -> None:
        os.close(self._handle)

    def _hash_what_is_there(self) -> None:
        while data := os.read(self._handle, _BLOCK):
            self._hash.update(data)
            self.size += len(data)


def present_bytes(folder: Path, target: Path, file: RemoteFile, identity: str) -> int:
    """How much of a file has come, in this process or an earlier one, without reading it."""
    if is_complete(folder, target, file, identity):
        return file.bytes
    part = folder / f"{file.name}.part"
    size = part.stat().st_size if _is_of(folder, file, identity) and part.is_file() else 0
    return size if size <= file.bytes else 0


def is_complete(folder: Path, target: Path, file: RemoteFile, identity: str) -> bool:
    """True when `finish` moved this very content to `target`."""
    return _is_of(folder, file, identity) and target.is_file() and target.stat().st_size == file.bytes


def _is_of(folder: Path, file: RemoteFile, identity: str) -> bool:
    found = read_sidecar(folder / f"{file.name}.json")
    return found is not None and (found.identity, found.bytes) == (identity, file.bytes)


def read_sidecar(path: Path) -> Sidecar | None:
    """None when there is none, or none that was written whole."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, ValueError):
        return None


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Replaces the old one at once or not at all."""
    draft = path.with_suffix(DRAFT)
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(sidecar))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def sync(path: Path) -> None:
    """A file's bytes, or what was created, renamed or removed in a folder, are on the disk at the return."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
