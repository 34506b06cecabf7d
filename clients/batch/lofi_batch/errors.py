"""What goes wrong with a batch: its files, its cluster."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lofi_common.errors import LofiError

_DISK_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""No other file could be written either."""


class SourceLost(LofiError):
    """The file of a finished track is gone, or is not the one that it was."""

    name = "TRACK_LOST"
    hint = "`lofi tracks` lists the library; what is deleted there is made again."


class FolderFailed(LofiError):
    """The folder of the batch, or the place of its tracks, can't be written: full, read-only, gone."""

    name = "FOLDER_FAILED"
    hint = "Make room or mend it."


class TargetFailed(LofiError):
    """One file can't get its name; others can."""

    name = "FILE_FAILED"
    hint = "Move away what is in its place, or give the row another file."


class ClusterUnavailable(LofiError):
    """There is no cluster, or it can't run the batch."""

    name = "CLUSTER_UNAVAILABLE"
    hint = (
        "`ray status` on its head tells how it is. One that wants a token looks for it in ~/.ray/auth_token;"
        " without --address the batch uses this machine alone."
    )


class RayMissing(LofiError):
    """The extra is not installed."""

    name = "RAY_MISSING"
    hint = "`pip install '.[ray]'` in the clone, the same version on every node."


def without_secrets(words: str) -> str:
    """What says who somebody is, or gives a key, taken out of the URLs in there."""
    return re.sub(r"//[^/\s]*@", "//", re.sub(r"(://[^\s?]*)\?[^\s'\")]*", r"\1?…", words))


def not_written(path: Path, error: OSError) -> FolderFailed | TargetFailed:
    """Why a file can't be written: what the system says, and whether others could be."""
    kind = FolderFailed if error.errno in _DISK_FAILED else TargetFailed
    return kind(f"{path} can't be written: {error.strerror}")


@contextmanager
def folder_fails(path: Path) -> Iterator[None]:
    """Whatever the system refuses in here, no other file could be written either. Raises FolderFailed."""
    try:
        yield
    except OSError as error:
        raise FolderFailed(f"{error.filename or path}: {error.strerror}") from error
