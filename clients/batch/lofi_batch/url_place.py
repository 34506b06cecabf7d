"""An object store or a file server as the place of tracks: whatever fsspec has a URL for."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import fsspec
from fsspec.spec import AbstractFileSystem

from lofi_batch.errors import FolderFailed, SourceLost, TargetFailed, without_secrets
from lofi_batch.files import Content
from lofi_batch.manifest import Record
from lofi_batch.place import Stands
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.jobs import AudioFormat

_TRIES = 5
_PAUSE_SEC = 0.2
"""Before the second try; twice as long before each further one."""
_THREADS = 16
_BLOCK = 1 << 20
_NO_OTHER_TRY = (PermissionError, NotImplementedError)
_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory"}
"""In which nobody sees a file before all of it is there."""
_READ_ONLY = {"http", "https", "github", "git", "data", "reference", "zip", "tar", "libarchive"}
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "adl": "adlfs",
    "oss": "ossfs",
    "oci": "ocifs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
}
"""What fsspec needs for a protocol, where it needs more than itself."""

T = TypeVar("T")


class UrlPlace:
    """See `Place`. A file is known by its name and its size; its bytes are not fetched to be compared."""

    compares_bytes = False

    def __init__(self, url: str, made: str) -> None:
        """Raises InvalidParams when nothing here knows such URLs, or can write there, FolderFailed."""
        self._url, self._made = url, made
        self.shown = without_secrets(url)
        self._protocol = url.partition("::")[0].partition("://")[0]
        if self._protocol in _READ_ONLY:
            raise InvalidParams(
                f"tracks can't be written to {self._protocol}://",
                recovery="Give a folder that all nodes share, or a store such as s3:// or sftp://.",
            )
        self._opened: AbstractFileSystem | None = None
        self._root = ""
        self._folders: set[str] = set()
        """That are there."""
        self.side_by_side = self._try(lambda fs: _THREADS if fs.async_impl else 1)

    def prepare(self) -> None:
        """Folders come with the first file in them; a store has none."""

    def look(self) -> _Look:
        return _Look(self._listed())

    def is_there(self, record: Record) -> bool:
        return self._size(record.path) == record.bytes

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._try(partial(_delete, path=self._at(path)))

    def put(self, source: Path, path: str) -> None:
        """A server shows a file while it grows, so there it grows in the made folder."""
        target = self._at(path)
        size = source.stat().st_size

        def send(fs: AbstractFileSystem) -> None:
            whole = bool(_STORES & set(_protocols(fs)))
            part = target if whole else self._at(f"{self._made}/.{secrets.token_hex(8)}.part")
            for each in (part, target):
                self._make_folder(fs, each)
            fs.put_file(str(source), part)
            fs.invalidate_cache()
            found = fs.info(part)["size"]
            if found != size:
                raise OSError(f"{found} of {size} bytes of {path} have come")
            if not whole:
                _move(fs, part, target)

        try:
            self._try(send)
        except FileNotFoundError as error:
            raise FolderFailed(
                f"{self.shown}: {path} can't be put there: {without_secrets(str(error))}"
            ) from error

    def made(self, track_id: str, kind: AudioFormat) -> str:
        return f"{self._made}/{track_id}.{kind}"

    def made_there(self) -> set[str]:
        names = {entry.name.rpartition("/")[2] for entry in self._entries(self._at(self._made))}
        return {f"{self._made}/{name}" for name in names if not name.startswith(".")}

    def read(self, path: str) -> Content | None:
        def fetch(fs: AbstractFileSystem) -> Content:
            fs.invalidate_cache()
            digest = hashlib.sha256()
            size = 0
            with fs.open(self._at(path), "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
            return Content(digest.hexdigest(), size)

        return self._try(fetch) if self._size(path) is not None else None

    def adopt(self, made: str, path: str, size: int, *, last: bool) -> None:
        tries = 0

        def give_name(fs: AbstractFileSystem) -> None:
            nonlocal tries
            tries += 1
            if tries > 1:  # the first one may have failed, or only its answer
                there = self._size(made)
                if there is None and self._size(path) == size:
                    return
                if there is None:
                    raise SourceLost(f"{made} is not in {self.shown} any more")
                if fs.isdir(self._at(path)):
                    raise TargetFailed(f"{path} can't be written in {self.shown}: a folder is in its place")
            self._make_folder(fs, self._at(path))
            try:
                (_move if last else _copy)(fs, self._at(made), self._at(path))
            except FileNotFoundError as error:
                if tries > 1:
                    raise
                raise SourceLost(f"{made} is not in {self.shown}") from error

        self._try(give_name, missing_is_final=False)

    def settle(self, paths: Iterable[str]) -> None:
        """A server's answer is all that there is."""

    def tidy(self) -> None:
        self._folders.clear()
        with contextlib.suppress(FileNotFoundError):
            self._try(lambda fs: fs.rm(self._at(self._made), recursive=True))

    def _listed(self) -> dict[str, int]:
        """Bytes by path, hidden ones left out: one listing for each folder."""
        sizes: dict[str, int] = {}
        waiting = [self._root]
        while waiting:
            folder = waiting.pop()
            for entry in self._entries(folder):
                path = entry.name.removeprefix(self._root).lstrip("/")
                if path.rpartition("/")[2].startswith("."):
                    continue
                if entry.size is None:
                    waiting.append(entry.name)
                else:
                    sizes[path] = entry.size
        return sizes

    def _entries(self, folder: str) -> list[_Entry]:
        def ask(fs: AbstractFileSystem) -> list[_Entry]:
            fs.invalidate_cache()
            return list(_entries(folder, fs.ls(folder, detail=True)))

        for _ in range(2):
            # Some servers' errors look like this one, so a new connection is asked once more.
            with contextlib.suppress(FileNotFoundError):
                return self._try(ask)
            self._opened = None
        return []

    def _size(self, path: str) -> int | None:
        """None: it is not there."""

        def ask(fs: AbstractFileSystem) -> int:
            fs.invalidate_cache()
            return int(fs.info(self._at(path))["size"])

        try:
            return self._try(ask)
        except FileNotFoundError:
            return None

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _make_folder(self, fs: AbstractFileSystem, file: str) -> None:
        """In which the file is to lie."""
        folder = file.rpartition("/")[0]
        if folder not in self._folders:
            fs.makedirs(folder, exist_ok=True)
            self._folders.add(folder)

    def _fs(self) -> AbstractFileSystem:
        if self._opened is None:
            try:
                self._opened, root = fsspec.core.url_to_fs(self._url, skip_instance_cache=True)
            except (ValueError, ImportError) as error:
                if isinstance(error, ImportError) and (package := _PACKAGES.get(self._protocol)):
                    raise InvalidParams(
                        f"{self.shown} needs the package {package}",
                        recovery=f"`pip install {package}`, here and on every node.",
                    ) from error
                raise InvalidParams(f"{self.shown}: {without_secrets(str(error))}") from error
            self._root = root.rstrip("/")
        return self._opened

    def _try(self, operation: Callable[[AbstractFileSystem], T], *, missing_is_final: bool = True) -> T:
        """Over a network all kinds of things fail, each with exceptions of its own, and go the next time.

        Raises FolderFailed; FileNotFoundError where that is final.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return operation(self._fs())
            except LofiError:
                raise
            except Exception as error:
                if missing_is_final and isinstance(error, FileNotFoundError):
                    raise
                if tries == _TRIES or isinstance(error, _NO_OTHER_TRY):
                    words = f"{type(error).__name__}: {without_secrets(str(error))}"
                    raise FolderFailed(f"{self.shown}: {words}") from error
            self._opened = None
            self._folders.clear()
            time.sleep(_PAUSE_SEC * 2 ** (tries - 1))


class _Look:
    """See `Look`: what one listing told."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._sizes = sizes
        self._folders = {folder for path in sizes for folder in _parents(path)}

    def is_there(self, record: Record) -> bool:
        return self._sizes.get(record.path) == record.bytes

    def stands_at(self, path: str) -> Stands:
        if path in self._sizes:
            return "file"
        if path in self._folders or any(parent in self._sizes for parent in _parents(path)):
            return "other"
        return "nothing"


class _Entry(NamedTuple):
    name: str
    size: int | None
    """None: a folder."""


def _entries(folder: str, found: list[dict[str, Any]]) -> Iterator[_Entry]:
    for entry in found:
        name = entry["name"].rstrip("/")
        if name != folder:  # some stores list it among what it holds
            yield _Entry(name, None if entry["type"] == "directory" else int(entry["size"]))


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _protocols(fs: AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _delete(fs: AbstractFileSystem, path: str) -> None:
    try:
        fs.rm_file(path)
    except Exception:  # each has its own for a file that is not there
        fs.invalidate_cache()
        if fs.exists(path):
            raise


def _move(fs: AbstractFileSystem, source: str, target: str) -> None:
    if type(fs).mv is AbstractFileSystem.mv:  # which looks at both before it copies and deletes
        fs.cp_file(source, target)
        fs.rm_file(source)
    else:
        fs.mv(source, target)


def _copy(fs: AbstractFileSystem, source: str, target: str) -> None:
    try:
        fs.cp_file(source, target)
    except NotImplementedError:  # by way of this machine
        part = f"{source}.{secrets.token_hex(8)}.part"
        with fs.open(source, "rb") as reader, fs.open(part, "wb") as writer:
            shutil.copyfileobj(reader, writer, _BLOCK)
        _move(fs, part, target)
