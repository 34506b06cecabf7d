"""Which model new jobs use: `model.folder` of the settings, the one that was chosen, or the starter."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lofi_common.errors import ModelNotFound
from lofi_common.paths import STARTER, Paths, starter_folder

_FILE = "selected"
_CHOOSE = f"Choose a model: `lofi models use {STARTER}`."
_MEND = "See that you may read it, or take it away: then the starter is used until you choose again."


def installed_folder(paths: Paths, name: str) -> Path:
    """Where the model of this name lies, or would lie."""
    return starter_folder() if name == STARTER else paths.models / name


def selected_name(paths: Paths) -> str:
    """The name that was chosen; the starter's while nobody chose. Raises ModelNotFound."""
    file = paths.models / _FILE
    try:
        name = file.read_text().strip()
    except FileNotFoundError:
        return STARTER
    except OSError as error:
        raise ModelNotFound(f"{file} can't be read: {error.strerror}", recovery=_MEND) from error
    except UnicodeDecodeError as error:
        raise ModelNotFound(f"{file} names no model", recovery=_CHOOSE) from error
    if not name or Path(name).name != name:
        raise ModelNotFound(f"{file} names no model", recovery=_CHOOSE)
    return name


def selected_folder(paths: Paths, setting: str) -> Path:
    """The selected model's folder; `setting` is `model.folder`.

    Raises ModelNotFound when the chosen model is no longer installed: another one would make other music.
    """
    if setting:
        return Path(setting)
    name = selected_name(paths)
    folder = installed_folder(paths, name)
    if not folder.is_dir():
        raise ModelNotFound(f"the selected model {name} is not installed", recovery=_CHOOSE)
    return folder


def write_selection(paths: Paths, name: str) -> None:
    """Choose a model for all later jobs: whole or not at all, even if the power fails. Raises OSError."""
    paths.models.mkdir(mode=0o700, exist_ok=True)
    part = paths.models / f".{_FILE}.{os.getpid()}.part"
    try:
        with part.open("w") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(paths.models / _FILE)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
