"""Gets tracks that lie in the place already, under names of their own, under the names of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lofi_batch.engine import Made
from lofi_batch.errors import FolderFailed
from lofi_batch.manifest import Record
from lofi_batch.place import Place
from lofi_common.errors import LofiError


class TakeOver:
    """See `Taking`; `Made.file` is a made path of the place, `Made.bytes` is given."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def take(self, group: Sequence[Made], known: Callable[[Mapping[int, int]], None]) -> dict[int, LofiError]:
        """See `Taking.take`."""
        known({made.row.row: made.bytes for made in group if made.bytes is not None})
        by_file: dict[str, list[Made]] = {}
        for made in group:
            by_file.setdefault(made.file, []).append(made)
        errors: dict[int, LofiError] = {}
        if self._place.side_by_side == 1 or len(by_file) == 1:
            for each in by_file.values():
                errors |= self._adopt(each)
        else:
            with ThreadPoolExecutor(self._place.side_by_side) as threads:
                for found in threads.map(self._adopt, by_file.values()):
                    errors |= found
        taken = [made for made in group if made.row.row not in errors]
        try:
            self._place.settle([made.row.path for made in taken])
        except FolderFailed as error:
            errors |= {made.row.row: error for made in taken}
        return errors

    def is_there(self, record: Record) -> bool:
        return self._place.is_there(record)

    def _adopt(self, rows: list[Made]) -> dict[int, LofiError]:
        """Of one file: the last of them takes it away."""
        errors: dict[int, LofiError] = {}
        for made in rows:
            assert made.bytes is not None
            try:
                self._place.adopt(made.file, made.row.path, made.bytes, last=made.last)
            except LofiError as error:
                errors[made.row.row] = error
        return errors
