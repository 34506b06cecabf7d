"""How a model gets to a node: found there, or fetched once and checked against the SHA-256 of each file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lofi_batch.errors import without_secrets
from lofi_batch.ray_messages import Source
from lofi_common.errors import LofiError, ModelDownloadFailed
from lofi_common.manifest import MANIFEST_NAME, Model, check_large_file, read_manifest, read_model
from lofi_common.paths import Paths, starter_folder, sync_folder

_BLOCK = 1 << 20
_TRIES = 3
"""Of a download whose bytes are not those of the manifest."""


class NodeModels:
    """The models of a node, as one process sees them."""

    def __init__(self, paths: Paths, cache: Path) -> None:
        """cache: the folder for models that were fetched, a folder for each version."""
        self._paths, self._cache = paths, cache
        self._refused: set[Path] = set()
        """What was damaged."""

    def find(self, source: Source) -> Model | None:
        """The node's own copy, all of its files there; they are not read yet."""
        folders = [starter_folder(), self._paths.models / source.name, self._cache / source.version]
        if source.folder is not None:
            folders.insert(0, Path(source.folder))
        for folder in folders:
            if folder in self._refused:
                continue
            with contextlib.suppress(LofiError):  # not there, or not whole
                model = read_model(folder)
                if model.version == source.version:
                    return model
        return None

    def refuse(self, model: Model) -> bool:
        """Whether a model that can't be loaded is damaged; then it is not found again, and a copy that was
        fetched is deleted. Raises OSError."""
        if not _is_damaged(model):
            return False
        if model.folder.parent != self._cache:
            self._refused.add(model.folder)
            return True
        with self._alone(model.version):
            if _is_damaged(model):  # else another process has it anew by now
                shutil.rmtree(model.folder, ignore_errors=True)
        return True

    def fetch(self, source: Source) -> tuple[Model, bool]:
        """Have it from its URL, one process of the node at a time; whether this one has fetched it.

        Raises ModelDownloadFailed.
        """
        assert source.url is not None
        try:
            import fsspec

            with self._alone(source.version):
                found = self.find(source)
                if found is not None:
                    return found, False
                files, root = fsspec.url_to_fs(source.url)
                with contextlib.closing(Arriving(self._cache, source)) as arriving:
                    return _download(arriving, files, root.rstrip("/")), True
        except LofiError:
            raise
        except Exception as error:  # servers and stores have errors of their own
            words = without_secrets(f"{source.version} can't be fetched from its URL: {error}")
            raise ModelDownloadFailed(words) from error

    @contextlib.contextmanager
    def arriving(self, source: Source) -> Iterator[Arriving | None]:
        """For a model that comes in parts; None where it is there meanwhile, or another process takes it."""
        with self._alone(source.version, wait=False) as got:
            if not got or self.find(source) is not None:
                yield None
                return
            with contextlib.closing(Arriving(self._cache, source)) as arriving:
                yield arriving

    @contextlib.contextmanager
    def _alone(self, version: str, *, wait: bool = True) -> Iterator[bool]:
        """Whether this process is the only one of the node that brings this model. Raises OSError."""
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._cache / f".{version}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _taken(lock, wait=wait)
        finally:
            os.close(lock)


class Arriving:
    """A model that is on its way: a hidden folder, until all of its files are whole."""

    def __init__(self, cache: Path, source: Source) -> None:
        """What an earlier process has left of it is deleted. Raises ModelLoadFailed, OSError."""
        self._cache = cache
        self._part = cache / f".{source.version}.part"
        self.close()
        self._part.mkdir(mode=0o700)
        (self._part / MANIFEST_NAME).write_bytes(source.manifest)
        self._model = read_manifest(self._part)
        self.version = self._model.version

    @property
    def files(self) -> list[str]:
        return list(self._model.manifest.files)

    def add(self, name: str, data: bytes) -> None:
        """The next bytes of a file. Raises OSError."""
        assert name in self._model.manifest.files
        with (self._part / name).open("ab") as file:
            file.write(data)

    def drop(self, name: str) -> None:
        """Begin a file anew."""
        (self._part / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing of it stays but what `finish` has named: a disk may be full."""
        shutil.rmtree(self._part, ignore_errors=True)

    def check(self, name: str) -> None:
        """Raises ModelLoadFailed or ModelNotFound when a file has not its bytes."""
        if self._model.manifest.files[name].bytes == 0:
            self.add(name, b"")
        check_large_file(self._model, name)

    def finish(self) -> Model:
        """All files were checked: give the folder its name. Raises LofiError, OSError."""
        for name in [*self.files, MANIFEST_NAME]:
            with (self._part / name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(self._part)
        target = self._cache / self._model.version
        shutil.rmtree(target, ignore_errors=True)  # a damaged one
        self._part.rename(target)
        sync_folder(self._cache)
        return read_model(target)


def _taken(lock: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _is_damaged(model: Model) -> bool:
    try:
        for name in model.manifest.files:
            check_large_file(model, name)
    except LofiError:
        return True
    return False


def _download(arriving: Arriving, files: Any, root: str) -> Model:
    """files: a file system of fsspec. Raises ModelDownloadFailed, OSError."""
    for name in arriving.files:
        for tried in range(1, _TRIES + 1):
            with files.open(f"{root}/{name}", "rb") as remote:
                while block := remote.read(_BLOCK):
                    arriving.add(name, block)
            try:
                arriving.check(name)
            except LofiError as error:
                if tried == _TRIES:
                    raise ModelDownloadFailed(
                        f"{name} of {arriving.version} came damaged: {error}"
                    ) from error
                arriving.drop(name)
            else:
                break
    return arriving.finish()
