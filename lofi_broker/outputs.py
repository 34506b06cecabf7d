"""Copies of tracks where their users want them: whole or not at all, over nothing that was not named."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
import tempfile
from pathlib import Path

from lofi_common.errors import CacheWriteError, InvalidParams
from lofi_common.jobs import Output
from lofi_common.new_file import give_name, sync_names

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FREE_SPACE = "Free some space on that disk and ask for the track again, or name a file on another disk."
_OTHER_PLACE = "Give the path of a file, in a folder that exists and that you may write to."


def check_output(output: Output) -> Path:
    """Where a copy really goes: symbolic links followed. Raises CacheWriteError saying why it can't go,
    InvalidParams for what is no absolute path.

    Only files are ever replaced, never a device or a pipe, and only with `force`.
    """
    if not os.path.isabs(output.path) or "\0" in output.path:
        raise InvalidParams(f"output: {output.path!r} is no absolute path")
    target = _resolved(output.path)
    if not output.force and os.path.lexists(output.path) and not target.is_dir():
        raise _taken(output.path)
    return target


def copy_track(source: Path, output: Output, mode: int) -> None:
    """Copy a track's file to `output` (a file, or a folder to put it in). Raises CacheWriteError.

    A file that is there already and holds the same bytes is left alone, with or without `force`.
    """
    named, target = Path(output.path), _resolved(output.path)
    if target.is_dir():
        named = target / source.name
        target = _resolved(str(named))
    try:
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            return
        if not output.force and os.path.lexists(named):
            raise _taken(named)
        descriptor, part = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        try:
            with source.open("rb") as reader, open(descriptor, "wb") as writer:
                shutil.copyfileobj(reader, writer)
                writer.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            give_name(Path(part), target, force=output.force)
        finally:
            Path(part).unlink(missing_ok=True)
        sync_names(target.parent)
    except FileExistsError as error:  # it came while the track was made
        raise _taken(named) from error
    except OSError as error:
        full = error.errno in _FULL
        raise _unwritable(target, error.strerror, _FREE_SPACE if full else _OTHER_PLACE) from error


def _resolved(output: str) -> Path:
    path = Path(output)
    try:
        path = path.resolve()
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise _unwritable(path, "it is neither a file nor a folder")
        if output.endswith("/") and not path.is_dir():
            raise _unwritable(path, "there is no such folder")
        folder = path if path.is_dir() else path.parent
        if not folder.is_dir():
            raise _unwritable(path, f"the folder {folder} does not exist")
        if not os.access(folder, os.W_OK | os.X_OK) or (path.is_file() and not os.access(path, os.W_OK)):
            read_only = os.statvfs(path if path.is_file() else folder).f_flag & os.ST_RDONLY
            raise _unwritable(path, os.strerror(errno.EROFS) if read_only else "permission denied")
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a loop of links, a NUL
        raise _unwritable(path, str(error)) from error
    return path


def _taken(path: Path | str) -> CacheWriteError:
    return CacheWriteError(
        f"{path} can't be written: there is something of that name already",
        recovery="Choose another name, or allow it to be replaced (`--force`, over the protocol `force`).",
    )


def _unwritable(path: Path | str, reason: str | None, recovery: str = _OTHER_PLACE) -> CacheWriteError:
    return CacheWriteError(f"{path} can't be written: {reason}", recovery=recovery)
