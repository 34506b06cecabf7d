"""Gets the tracks of a library under the names of their rows: copies of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lofi_batch.engine import Made
from lofi_batch.errors import FolderFailed, SourceLost, not_written
from lofi_batch.files import Copy
from lofi_batch.folder import Folder
from lofi_batch.manifest import Record
from lofi_common.errors import LofiError


class Copying:
    """See `Taking`; `Made.file` is a path of the library."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def take(self, group: Sequence[Made], known: Callable[[Mapping[int, int]], None]) -> dict[int, LofiError]:
        """See `Taking.take`. What was copied before the disk failed is kept."""
        errors: dict[int, LofiError] = {}
        copies: dict[int, Copy] = {}
        sizes: dict[int, int] = {}
        try:
            for made in group:
                try:
                    copies[made.row.row], sizes[made.row.row] = self._copied(made)
                except FolderFailed as error:
                    lost = [each.row.row for each in group if each.row.row not in copies]
                    errors = dict.fromkeys(lost, error) | errors
                    break
                except LofiError as error:
                    errors[made.row.row] = error
            known(sizes)
            for made in group:
                if made.row.row in copies:
                    try:
                        copies.pop(made.row.row).keep()
                    except OSError as error:
                        errors[made.row.row] = not_written(self._folder.path(made.row.path), error)
        except BaseException as error:
            for copy in copies.values():
                copy.drop(error)
            raise
        return errors

    def is_there(self, record: Record) -> bool:
        return self._folder.is_there(record)

    def _copied(self, made: Made) -> tuple[Copy, int]:
        """Raises SourceLost when the source is not the file of this SHA-256, TargetFailed, FolderFailed."""
        source, target = Path(made.file), self._folder.path(made.row.path)
        try:
            copy = Copy(target)
            try:
                found = copy.fill(source)
                if found.sha256 != made.sha256:
                    raise SourceLost(f"{source} has not the bytes that the library knows")
            except BaseException as error:
                copy.drop(error)
                raise
        except OSError as error:
            raise not_written(target, error) from error
        return copy, found.bytes
