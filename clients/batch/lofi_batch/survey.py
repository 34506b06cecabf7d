"""What of a plan is there already, before anything is made. For every engine."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lofi_batch import files
from lofi_batch.manifest import Record
from lofi_batch.plan import Row
from lofi_common.paths import sync_folder


@dataclass
class Survey:
    """there: rows with their files. to_do: all others. changed: records of rows that were asked for
    differently, or not at all, when their files were made. in_the_way: paths of other people's files.
    outside: paths that a link leads out of the folder. no_files: where something stands that is no file."""

    there: list[Row] = field(default_factory=list)
    to_do: list[Row] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    no_files: list[str] = field(default_factory=list)


def survey(folder: Path, rows: Iterable[Row], records: dict[int, Record]) -> Survey:
    """Compare what is wanted with what earlier runs made. Raises OSError for files that can't be read."""
    found = Survey()
    inside: dict[str, bool] = {}

    def is_inside(path: str) -> bool:
        parent = path.rpartition("/")[0]
        if parent not in inside:
            inside[parent] = files.inside(folder, parent)
        return inside[parent]

    def has_file(record: Record) -> bool:
        return record.error is None and is_inside(record.path) and files.is_there(folder, record)

    ours = {record.path for record in records.values() if record.error is None}
    wanted: set[int] = set()
    for row in rows:
        wanted.add(row.row)
        record = records.get(row.row)
        made = record if record is not None and has_file(record) else None
        if made is not None and made.is_of(row):
            found.there.append(row)
            continue
        found.to_do.append(row)
        if made is not None:
            found.changed.append(made)
        stands = _what_stands_at(f"{folder}/{row.path}")
        if not is_inside(row.path):
            found.outside.append(row.path)
        elif stands == "other":
            found.no_files.append(row.path)
        elif row.path not in ours and stands == "file":
            found.in_the_way.append(row.path)
    found.changed += [record for record in records.values() if record.row not in wanted and has_file(record)]
    return found


def _what_stands_at(path: str) -> Literal["nothing", "file", "other"]:
    """A link is as a file: it would be replaced, not followed. Raises OSError."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return "nothing"
    except NotADirectoryError:  # a file, where its folder would have to be
        return "other"
    return "file" if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else "other"


def clear(folder: Path, changed: list[Record]) -> None:
    """Delete the files of rows that are no longer wanted as they were. Raises OSError."""
    for record in changed:
        path = folder / record.path
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            sync_folder(path.parent)
