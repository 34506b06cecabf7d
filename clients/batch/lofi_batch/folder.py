"""A folder of this machine, or one that several machines share, as the place of tracks."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from lofi_batch.errors import FolderFailed, SourceLost, folder_fails, not_written
from lofi_batch.files import Content, content, copy
from lofi_batch.manifest import Record
from lofi_batch.place import MADE, Look, Stands
from lofi_common.errors import InvalidParams
from lofi_common.jobs import AudioFormat
from lofi_common.new_file import sync_names


class Folder:
    """See `Place`."""

    compares_bytes = True
    side_by_side = 1
    """A rename takes no time."""

    def __init__(self, root: Path, made: str = MADE) -> None:
        self._root, self._made = root, made
        self.shown = str(root.absolute())

    def path(self, path: str) -> Path:
        return self._root / path

    def prepare(self) -> None:
        self._check()
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderFailed(f"the folder {self.shown} can't be made: {error.strerror}") from error

    def look(self) -> Look:
        self._check()
        return _Look(self._root)

    def is_there(self, record: Record) -> bool:
        return _Look(self._root).is_there(record)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            target = self._root / path
            target.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                sync_names(target.parent)

    def put(self, source: Path, path: str) -> None:
        with folder_fails(self._root / path):
            copy(source, self._root / path)

    def made(self, track_id: str, kind: AudioFormat) -> str:
        return f"{self._made}/{track_id}.{kind}"

    def made_there(self) -> set[str]:
        folder = self._root / self._made
        with folder_fails(folder), contextlib.suppress(FileNotFoundError):
            return {f"{self._made}/{name}" for name in os.listdir(folder) if not name.startswith(".")}
        return set()

    def read(self, path: str) -> Content | None:
        with folder_fails(self._root / path), contextlib.suppress(FileNotFoundError):
            return content(self._root / path)
        return None

    def adopt(self, made: str, path: str, size: int, *, last: bool) -> None:
        source, target = f"{self._root}/{made}", f"{self._root}/{path}"
        try:
            found = os.stat(source).st_size
        except OSError as error:
            raise SourceLost(f"{source} can't be read: {error.strerror}") from error
        if found != size:
            raise SourceLost(f"{source} has {found} bytes, and not the {size} that it was made with")
        try:
            if not os.path.isdir(os.path.dirname(target)):
                os.makedirs(os.path.dirname(target), exist_ok=True)
            if last:
                os.replace(source, target)
            else:
                copy(Path(source), Path(target))
        except OSError as error:
            raise not_written(Path(target), error) from error

    def settle(self, paths: Iterable[str]) -> None:
        for parent in {(self._root / path).parent for path in paths}:
            with folder_fails(parent):
                sync_names(parent)

    def tidy(self) -> None:
        with folder_fails(self._root), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._root / self._made)

    def _check(self) -> None:
        """Raises InvalidParams."""
        if any(os.path.isfile(each) for each in (self._root, *self._root.parents)):
            raise InvalidParams(
                f"{self._root} can't be a folder: a file is in its place", recovery="Give another name."
            )


class _Look:
    """See `Look`; each file is looked at when it is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._inside: dict[str, bool] = {}
        """By folder: whether it is in this one, links included."""

    def is_there(self, record: Record) -> bool:
        """Whether it has its bytes, too."""
        if not self._is_inside(record.path):
            return False
        path = self._root / record.path
        try:
            if not path.is_file() or path.stat().st_size != record.bytes:
                return False
            return content(path).sha256 == record.sha256
        except (FileNotFoundError, NotADirectoryError):
            return False

    def stands_at(self, path: str) -> Stands:
        """A link is as a file: it would be replaced, not followed."""
        if not self._is_inside(path):
            return "outside"
        try:
            mode = os.lstat(f"{self._root}/{path}").st_mode
        except FileNotFoundError:
            return "nothing"
        except NotADirectoryError:  # a file, where its folder would have to be
            return "other"
        return "file" if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else "other"

    def _is_inside(self, path: str) -> bool:
        parent = path.rpartition("/")[0]
        if parent not in self._inside:
            self._inside[parent] = (self._root / parent).resolve().is_relative_to(self._root.resolve())
        return self._inside[parent]
