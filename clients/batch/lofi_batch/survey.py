"""What of a plan is there already, before anything is made. For every engine."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from lofi_batch import files
from lofi_batch.manifest import Record
from lofi_batch.plan import Row
from lofi_common.paths import sync_folder


@dataclass
class Survey:
    """there: rows with their files. to_do: all others. changed: records of rows that were asked for
    differently, or not at all, when their files were made. in_the_way: paths of other people's files.
    outside: paths that a link leads out of the folder."""

    there: list[Row] = field(default_factory=list)
    to_do: list[Row] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def survey(folder: Path, rows: list[Row], records: dict[int, Record]) -> Survey:
    """Compare what is wanted with what earlier runs made. Raises OSError for files that can't be read."""
    found = Survey()
    inside: dict[str, bool] = {}
    ours = {record.path for record in records.values() if record.error is None}
    for row in rows:
        record = records.get(row.row)
        made = record is not None and record.error is None and files.is_there(folder, record)
        if made and record is not None and record.is_of(row):
            found.there.append(row)
            continue
        found.to_do.append(row)
        if made and record is not None:
            found.changed.append(record)
        parent = row.path.rpartition("/")[0]
        if parent not in inside:
            inside[parent] = files.inside(folder, parent)
        if not inside[parent]:
            found.outside.append(row.path)
        elif row.path not in ours and os.path.exists(f"{folder}/{row.path}"):
            found.in_the_way.append(row.path)
    wanted = {row.row for row in rows}
    found.changed += [
        record
        for record in records.values()
        if record.row not in wanted and record.error is None and files.is_there(folder, record)
    ]
    return found


def clear(folder: Path, changed: list[Record]) -> None:
    """Delete the files of rows that are no longer wanted as they were. Raises OSError."""
    for record in changed:
        path = folder / record.path
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            sync_folder(path.parent)
