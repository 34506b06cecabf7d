"""Installed models: the starter, the folders below `models/`, and the one that `model.folder` names."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lofi_common.config import Config
from lofi_common.errors import CacheWriteError, InvalidParams, LofiError, ModelNotFound
from lofi_common.logs import fields
from lofi_common.manifest import MANIFEST_NAME, Model, select_model
from lofi_common.paths import STARTER, Paths, starter_folder
from lofi_common.selection import selected_folder, selected_name, write_selection

log = logging.getLogger(__name__)

PARTIAL = ".partial"
_REMOVED = ".removed-"


class Installed(NamedTuple):
    """A model folder; exactly one of `model` and `error` is there."""

    name: str
    folder: Path
    model: Model | None
    error: LofiError | None


class ModelStore:
    """Reads the folders anew at each call: manifests are small, and other processes install too."""

    def __init__(self, config: Config, paths: Paths) -> None:
        self._paths = paths
        self._engine = config.worker.engine
        self._setting = config.model.folder

    @property
    def folder(self) -> Path:
        return self._paths.models

    def check_place(self) -> None:
        """Raises CacheWriteError when no model can be put into the folder."""
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            why = "it is not a folder"
        elif self.folder.is_dir() and not os.access(self.folder, os.W_OK | os.X_OK):
            why = "it can't be written to"
        else:
            return
        raise CacheWriteError(
            f"no model can be put into {self.folder}: {why}",
            recovery="Mend that, or let LOFI_HOME name another folder for all of lofi's files.",
        )

    def selected(self) -> Model:
        """The model that new jobs use. Raises ModelNotFound or ModelLoadFailed."""
        return select_model(selected_folder(self._paths, self._setting), self._engine)

    def selected_label(self) -> str:
        """The selected model's name, also while it can't be read."""
        try:
            return self.selected().manifest.name
        except LofiError:
            return Path(self._setting).name or self._chosen() or STARTER

    def _chosen(self) -> str:
        try:
            return selected_name(self._paths)
        except ModelNotFound:
            return ""

    def find(self, wanted: str) -> Model:
        """The installed model of this name or version. Raises ModelNotFound, or what is wrong with it."""
        found = self._match(wanted)
        if found is None:
            names = ", ".join(each.name for each in self.installed())
            raise ModelNotFound(
                f"there is no model {wanted!r}",
                recovery=f"Installed: {names}. `lofi models list` shows what else can be had.",
            )
        if found.error is not None:
            raise found.error
        assert found.model is not None
        return found.model

    def to_check(self, wanted: str | None) -> Path:
        """The folder of the model of this name or version, or of the selected one, damaged or not.

        Raises ModelNotFound.
        """
        if wanted is None:
            return selected_folder(self._paths, self._setting)
        found = self._match(wanted)
        return found.folder if found is not None else self.find(wanted).folder

    def has(self, name: str) -> bool:
        """Whether a model of this name or version is installed, damaged or not."""
        return self._match(name) is not None

    def is_whole(self, name: str) -> bool:
        """Whether a model of this name is installed and nothing is known to be wrong with it."""
        found = self._match(name)
        return found is not None and found.error is None

    def named(self, name: str) -> Installed | None:
        """The model of this name, or the one that lies where a model of this name would."""
        each = self._match(name)
        folder = self.folder / name
        return each if each is not None or not folder.exists() else self._read(folder)

    def _match(self, wanted: str) -> Installed | None:
        for each in self.installed():
            if wanted == each.name or (each.model is not None and wanted == each.model.version):
                return each
        return None

    def of_version(self, version: str) -> Model:
        """The model with exactly this content. Raises ModelNotFound, or what is wrong with its files."""
        for each in self.installed():
            if each.model is not None and each.model.version == version:
                return each.model
            if each.error is not None and version.startswith(f"{each.name}-"):
                raise each.error
        raise ModelNotFound(f"{version} is no longer installed", recovery=_GONE)

    def installed(self) -> list[Installed]:
        """All of them, the one of `model.folder` first; of two with one name only the first counts.

        Raises LofiError when the folder can't be read.
        """
        folders = [Path(self._setting)] if self._setting else []
        folders.append(starter_folder())
        if self.folder.is_dir():
            below = (name for name in _names_in(self.folder) if not name.startswith("."))
            folders += [self.folder / name for name in below if _may_be_model(self.folder / name)]
        found: dict[str, Installed] = {}
        for folder in folders:
            each = self._read(folder)
            found.setdefault(each.name, each)
        return list(found.values())

    def _read(self, folder: Path) -> Installed:
        try:
            model = select_model(folder, self._engine)
        except LofiError as error:
            return Installed(folder.name, folder, None, error)
        return Installed(model.manifest.name, folder, model, None)

    def check_choice(self) -> None:
        """Raises InvalidParams where the settings leave no choice among the models."""
        if self._setting:
            raise InvalidParams(
                f"the setting model.folder = {self._setting} decides which model is used",
                recovery="Take it out of config.toml and LOFI_MODEL_FOLDER, then choose again.",
            )

    def select(self, name: str) -> Model:
        """Choose the model of later jobs, for good.

        Raises ModelNotFound, InvalidParams, what is wrong with the model, or CacheWriteError.
        """
        self.check_choice()
        model = self.find(name)
        try:
            write_selection(self._paths, model.manifest.name)
        except OSError as error:
            raise CacheWriteError(
                f"the choice can't be saved in {self.folder}: {error.strerror}",
                recovery=f"See that you may write to {self.folder} and that its disk has room, then choose"
                f" again. For one track, `lofi-submit --model {model.manifest.name}` does without.",
            ) from error
        return model

    def removable(self, wanted: str) -> Installed | None:
        """What `remove` would delete; None when only a partial download is there.

        Raises ModelNotFound, or InvalidParams with the reason why it has to stay.
        """
        found = self._match(wanted)
        if found is None:
            if self.partial(wanted) is None:
                self.find(wanted)
            return None
        if found.folder.parent != self.folder:
            raise InvalidParams(f"{found.name} is not one of the installed models", recovery=_NOT_OURS)
        if found.name == self.selected_label():
            raise InvalidParams(
                f"{found.name} is the selected model",
                recovery=f"Choose another one first: `lofi models use {STARTER}`.",
            )
        return found

    def partial(self, name: str) -> Path | None:
        """The folder of an installation that was interrupted."""
        folder = self.folder / PARTIAL / name
        plain = name and Path(name).name == name and not name.startswith(".")
        return folder if plain and os.path.isdir(folder) else None

    def partials(self) -> list[str]:
        """Names of interrupted installations. A folder that can't be read is logged: it stops no track."""
        folder = self.folder / PARTIAL
        try:
            names = _names_in(folder) if folder.is_dir() else []
        except LofiError as error:
            log.warning(fields("partials_not_read", reason=error))
            return []
        return [name for name in names if os.path.isdir(folder / name)]

    def delete(self, name: str) -> int:
        """Delete a model, at once for all who look, and what an interrupted installation left of it.

        Returns the bytes that are free again. Raises InvalidParams while an installer works on that name,
        CacheWriteError when the disk refuses.
        """
        folders = [
            folder for folder in (self.partial(name), self.folder / name) if folder and folder.is_dir()
        ]
        size = sum(folder_bytes(folder) for folder in folders)
        doomed = f"{_REMOVED}{name}-{os.getpid()}-{time.time_ns()}"
        try:
            with locked(self.folder / ".lock" / name):
                for number, folder in enumerate(folders):
                    folder.rename(self.folder / f"{doomed}-{number}")
        except BlockingIOError as error:
            raise InvalidParams(
                f"another process is installing {name}", recovery="Wait for its end."
            ) from error
        except OSError as error:
            raise CacheWriteError(
                f"{name} can't be deleted: {error.filename or self.folder}: {error.strerror}",
                recovery=f"See that you may write to {self.folder} and all below it, then try again.",
            ) from error
        self.sweep()
        return size

    def sweep(self) -> None:
        """Delete what a removal that was cut off has left. A disk that refuses is logged.

        Raises LofiError when the folder can't be read.
        """
        names = _names_in(self.folder) if self.folder.is_dir() else []
        for name in names:
            if name.startswith(_REMOVED):
                try:
                    shutil.rmtree(self.folder / name)
                except OSError as error:
                    log.warning(fields("removal_unfinished", folder=self.folder / name, reason=error))


_GONE = (
    "Submit it again with a model that `lofi models list` has. After an upgrade, `lofi broker stop` lets the"
    " next command start the new version."
)
_NOT_OURS = "The starter belongs to the package, and a folder of the settings to you."


def _may_be_model(folder: Path) -> bool:
    """Whether there is a manifest in the folder, or nobody may look."""
    try:
        return (folder / MANIFEST_NAME).exists()
    except PermissionError:
        return True


def _names_in(folder: Path) -> list[str]:
    """Sorted. Raises LofiError when the folder can't be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise LofiError(
            f"the folder {folder} can't be read: {error.strerror}",
            recovery="See to its permissions and its disk, or set LOFI_HOME to another folder.",
        ) from error


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """The lock that installers of this name take. Raises BlockingIOError when one has it.

    The empty file stays: one that has been opened, but is not locked yet, must not be taken away.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def folder_bytes(folder: Path, pattern: str = "*") -> int:
    """Of all files in a folder and below whose names match; what vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob(pattern):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
