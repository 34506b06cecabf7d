"""New files: under their names whole or not at all, over nothing that was not named."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lofi_common.paths import sync_folder

_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EACCES, errno.EINVAL)
"""A folder that may be written to and not read, and file systems that know no such sync."""
_NO_NAMELESS = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)
"""What file systems and kernels without O_TMPFILE answer."""
_KEPT_CHARS = 40
"""Of a file's name in a hidden one: with four bytes each they fit too."""
_MODE = 0o666
"""Less the umask, as for every file that a user's command makes."""


@contextmanager
def new_file(target: Path, *, force: bool) -> Iterator[int]:
    """The descriptor of a file for the block to write; at its end the file is synced and named `target`.

    Until then it has no name, so that even a process that is killed leaves nothing; where the file system
    can't do that, it has a hidden one beside the target. Raises OSError, and FileExistsError when the name
    is taken and `force` is false.
    """
    part = target.parent / f".{target.name[:_KEPT_CHARS]}.{secrets.token_hex(6)}"
    descriptor, nameless = _opened(part)
    try:
        yield descriptor
        os.fsync(descriptor)
        if nameless:
            _link(descriptor, part if force else target)
        if force or not nameless:
            give_name(part, target, force=force)
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    sync_names(target.parent)


def _opened(part: Path) -> tuple[int, bool]:
    """A new file, and whether it is still without a name."""
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(part.parent, os.O_TMPFILE | os.O_RDWR, _MODE), True
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
    return os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE), False


def _link(descriptor: int, name: Path) -> None:
    # With a folder's descriptor Python calls linkat, which follows the link in /proc to the file.
    folder = os.open(name.parent, os.O_PATH)
    try:
        os.link(f"/proc/self/fd/{descriptor}", name.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def give_name(part: Path, target: Path, *, force: bool) -> None:
    """Give a written file its final name, over another only by force. `part` may stay as a second name.

    Raises FileExistsError, OSError.
    """
    if force:
        os.replace(part, target)
        return
    try:
        os.link(part, target)
        return
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    # The name is taken by an empty file first; a kill in between leaves that.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        os.replace(part, target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def sync_names(folder: Path) -> None:
    """Return once the names in a folder are on disk, where its file system can tell. Raises OSError."""
    try:
        sync_folder(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
