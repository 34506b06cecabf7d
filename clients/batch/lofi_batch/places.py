"""Opens the place of a batch's tracks by its name, on any machine."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from lofi_batch.errors import without_secrets
from lofi_batch.folder import Folder
from lofi_batch.place import MADE, Place
from lofi_common.errors import InvalidParams


def open_place(where: str, made: str = MADE) -> Place:
    """A folder, or a URL that fsspec knows. made: the name of its made folder.

    Raises InvalidParams for a URL that can't be used here, FolderFailed when its server can't be reached.
    """
    if "://" not in where and "::" not in where:
        return Folder(Path(where), made)
    if where.startswith("file://"):
        parts = urlsplit(where)
        if parts.netloc not in ("", "localhost"):
            raise InvalidParams(
                f"{without_secrets(where)}: a file of another machine; three slashes begin a path of this one"
            )
        return Folder(Path(unquote(parts.path)), made)
    try:
        from lofi_batch.url_place import UrlPlace
    except ImportError as error:
        raise InvalidParams(
            f"{without_secrets(where)} needs fsspec",
            recovery="Install it: `pip install '.[ray]'` in the clone.",
        ) from error
    return UrlPlace(where, made)
