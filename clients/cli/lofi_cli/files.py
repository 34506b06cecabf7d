"""Files that a command is asked to write: checked before the work, written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lofi_common.errors import CacheWriteError
from lofi_common.new_file import new_file

_FULL = (errno.ENOSPC, errno.EDQUOT)
_OTHER_PLACE = "Give the path of a file, in a folder that exists and that you may write to."


def check_target(path: Path, *, force: bool) -> Path:
    """Where a file named `path` really goes, symbolic links followed.

    Raises CacheWriteError saying why it can't go there.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise CacheWriteError(f"{path} can't be written: it is no file", recovery=_OTHER_PLACE)
        if not target.parent.is_dir():
            raise CacheWriteError(
                f"{path} can't be written: there is no folder {target.parent}", recovery=_OTHER_PLACE
            )
        if not force and os.path.lexists(path):
            raise _taken(path)
    except (OSError, RuntimeError, ValueError) as error:  # a name that is too long, a loop of links, a NUL
        raise CacheWriteError(f"{path} can't be written: {error}", recovery=_OTHER_PLACE) from error
    return target


@contextmanager
def written(path: Path, *, force: bool) -> Iterator[int]:
    """The descriptor of the file that is to become `path`; what the block leaves unfinished never does.

    Raises CacheWriteError.
    """
    target = check_target(path, force=force)
    try:
        with new_file(target, force=force) as descriptor:
            yield descriptor
    except FileExistsError as error:  # it came meanwhile
        raise _taken(path) from error
    except OSError as error:
        advice = "Free some space on that disk." if error.errno in _FULL else _OTHER_PLACE
        raise CacheWriteError(f"{path} can't be written: {error.strerror}", recovery=advice) from error


def _taken(path: Path) -> CacheWriteError:
    return CacheWriteError(
        f"{path} can't be written: there is something of that name already",
        recovery="Choose another name, or --force to replace it.",
    )
