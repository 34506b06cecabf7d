"""What became of each row: `manifest.jsonl`, and while a batch runs a journal beside it, for every engine.

Rows that have ended are appended to the journal, on disk before anything else happens. At the end of a run
the manifest is written anew, in the order of the rows, and takes the journal's place. A kill at any moment
leaves a journal whose end may be torn; those rows are made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

import msgspec

from lofi_batch.files import rewritten
from lofi_batch.lines import Lines
from lofi_batch.plan import Row, checked_path
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.jobs import AudioFormat
from lofi_common.paths import sync_folder


class ManifestError(LofiError):
    """A manifest or journal that is not what a batch has written; the message names file and line."""

    name = "INVALID_MANIFEST"
    hint = "Put it back as it was, or move it away: then every row is made again."


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row failed. code: the name of the error, as in docs/protocol.md."""

    code: str
    message: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row and what became of it; without `error` its file was made."""

    row: int
    prompt: str
    seed: int
    duration_sec: int
    model: str | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    guidance_scale: float | None = None
    format: AudioFormat
    model_version: str | None = None
    track_id: str | None = None
    path: str
    sha256: str | None = None
    bytes: int | None = None
    seconds: float | None = None
    """What its making took."""
    attempts: int
    """How often it was tried, earlier runs included."""
    error: RowError | None = None

    @classmethod
    def of(cls, row: Row, *, attempts: int, **became: object) -> Self:
        asked = {name: getattr(row, name) for name in Row.__struct_fields__}
        return cls(**asked, attempts=attempts, **became)  # type: ignore[arg-type]

    def is_of(self, row: Row) -> bool:
        """Whether it is about this very row, not about another one that had its place."""
        return all(getattr(self, name) == getattr(row, name) for name in Row.__struct_fields__)


_DECODER = msgspec.json.Decoder(Record)


class Records(Mapping[int, Record]):
    """By row. They lie on disk, and are read when they are asked for; in memory is where they stand."""

    def __init__(self, *files: Lines) -> None:
        self._files = files
        self._stand: dict[int, int] = {}
        """By row: the offset of its line, times the number of files, plus the index of its file."""

    def __getitem__(self, row: int) -> Record:
        return _DECODER.decode(self.line(row))

    def __iter__(self) -> Iterator[int]:
        return iter(self._stand)

    def __len__(self) -> int:
        return len(self._stand)

    def __contains__(self, row: object) -> bool:
        return row in self._stand

    def line(self, row: int) -> bytes:
        offset, index = divmod(self._stand[row], len(self._files))
        return self._files[index].at(offset)

    def put(self, row: int, file: Lines, offset: int) -> None:
        """Its line begins there."""
        self._stand[row] = offset * len(self._files) + self._files.index(file)

    def mark(self, row: int) -> int | None:
        """For `reset`."""
        return self._stand.get(row)

    def standing(self, file: Lines, offset: int) -> Iterator[int]:
        """Rows whose line is in this file, there or after."""
        for row, mark in self._stand.items():
            begins, index = divmod(mark, len(self._files))
            if self._files[index] is file and begins >= offset:
                yield row

    def reset(self, row: int, mark: int | None) -> None:
        """Back to where it stood, or to nowhere."""
        if mark is None:
            self._stand.pop(row, None)
        else:
            self._stand[row] = mark


class Ledger:
    """The records of one shard in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Reads what earlier runs left. Raises ManifestError, OSError."""
        self.path = folder / name
        self._lines = Lines(self.path)
        self._journal = Lines(folder / f".{name}.journal")
        self._growing = False
        self.records = Records(self._lines, self._journal)
        self._read(self._lines, torn=False)
        self.size = self._read(self._journal, torn=True)
        """Bytes of the journal's whole lines."""
        self._before: dict[int, int | None] = {}
        """Of the rows that were added last: their marks until then."""

    def _read(self, lines: Lines, *, torn: bool) -> int:
        """Bytes of the whole lines. torn: a last line without an end is no error."""
        size = 0
        for number, line in enumerate(lines, 1):
            if torn and not line.endswith(b"\n"):
                break
            try:
                record = _DECODER.decode(line)
                checked_path(record.path)
            except (msgspec.DecodeError, UnicodeDecodeError, InvalidParams) as error:
                raise ManifestError(f"{lines.path}, line {number}: {error}") from error
            self.records.put(record.row, lines, size)
            size += len(line)
        return size

    def add(self, records: Collection[Record]) -> None:
        """Returns once all of them are on disk, with one write. Raises OSError when it can't be written; then
        nothing of them stays."""
        if not records:
            return
        if not self._growing:
            self._journal.grow_from(self.size)
            sync_folder(self.path.parent)
            self._growing = True
        lines = [msgspec.json.encode(record) + b"\n" for record in records]
        self._journal.append(b"".join(lines), self.size)
        self._before = {record.row: self.records.mark(record.row) for record in records}
        for record, line in zip(records, lines, strict=True):
            self.records.put(record.row, self._journal, self.size)
            self.size += len(line)

    def since(self, size: int) -> Iterator[Record]:
        """The records that were added when the journal had this size already."""
        return (self.records[row] for row in self.records.standing(self._journal, size))

    def take_back(self, row: int) -> None:
        """A row that was added last has become what it was before. The journal keeps that record until the
        manifest takes its place; whoever reads it after a kill looks for the file."""
        self.records.reset(row, self._before[row])

    def close(self, rows: Iterable[int]) -> None:
        """Write the manifest, with the records of these rows in their order. Raises OSError: then the journal
        stays, which has all of it."""
        with rewritten(self.path) as file:
            for row in rows:
                if row in self.records:
                    file.write(self.records.line(row) + b"\n")
        self._journal.path.unlink(missing_ok=True)
