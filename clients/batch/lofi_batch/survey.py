"""What of a plan is there already, before anything is made. For every engine."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lofi_batch.manifest import Record
from lofi_batch.place import Place
from lofi_batch.plan import Row


@dataclass
class Survey:
    """there: rows with their files. to_do: all others. changed: records of rows that were asked for
    differently, or not at all, when their files were made. in_the_way: paths of other people's files.
    outside: paths that a link leads out of the place. no_files: where something stands that is no file."""

    there: list[Row] = field(default_factory=list)
    to_do: list[Row] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    no_files: list[str] = field(default_factory=list)


def survey(place: Place, rows: Iterable[Row], records: Mapping[int, Record]) -> Survey:
    """Compare what is wanted with what earlier runs made. Raises OSError for files that can't be read, and
    FolderFailed."""
    found = Survey()
    look = place.look()

    def has_file(record: Record) -> bool:
        return record.error is None and look.is_there(record)

    @functools.cache
    def ours() -> set[str]:
        return {record.path for record in records.values() if record.error is None}

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
        stands = look.stands_at(row.path)
        if stands == "outside":
            found.outside.append(row.path)
        elif stands == "other":
            found.no_files.append(row.path)
        elif stands == "file" and row.path not in ours():
            found.in_the_way.append(row.path)
    others = (records[row] for row in records if row not in wanted)
    found.changed += [record for record in others if has_file(record)]
    return found
