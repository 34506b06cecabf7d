"""What became of each row: `manifest.jsonl`, and while a batch runs a journal beside it, for every engine.

Rows that have ended are appended to the journal, on disk before anything else happens. At the end of a run
the manifest is written anew, in the order of the rows, and takes the journal's place. A kill at any moment
leaves a journal whose end may be torn; those rows are made again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Self

import msgspec

from lofi_batch.plan import Row, checked_path
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.jobs import AudioFormat
from lofi_common.new_file import new_file
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


class Ledger:
    """The records of one shard in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Reads what earlier runs left. Raises ManifestError, OSError."""
        self.path = folder / name
        self._journal = folder / f".{name}.journal"
        self._file: int | None = None
        self._size = 0
        """Bytes of the journal's whole lines."""
        self.records: dict[int, Record] = {}
        for record in self._read(self.path, torn=False) + self._read(self._journal, torn=True):
            self.records[record.row] = record

    def _read(self, path: Path, *, torn: bool) -> list[Record]:
        """torn: a last line without an end is no error."""
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1] if torn else data
        if torn:
            self._size = len(whole)
        found = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                record = msgspec.json.decode(line, type=Record)
                checked_path(record.path)
                found.append(record)
            except (msgspec.DecodeError, UnicodeDecodeError, InvalidParams) as error:
                raise ManifestError(f"{path}, line {number}: {error}") from error
        return found

    def add(self, records: Collection[Record]) -> None:
        """Returns once all of them are on disk, with one write. Raises OSError when it can't be written; then
        nothing of them stays."""
        if not records:
            return
        if self._file is None:
            self._file = os.open(self._journal, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            os.ftruncate(self._file, self._size)
            sync_folder(self.path.parent)
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        try:
            if os.pwrite(self._file, lines, self._size) < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._journal))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)
        self.records.update((record.row, record) for record in records)

    def take_back(self, row: int, before: Record | None) -> None:
        """The row has become what it was before its last record. The journal keeps that record until the
        manifest takes its place; whoever reads it after a kill looks for the file."""
        if before is None:
            del self.records[row]
        else:
            self.records[row] = before

    def close(self, rows: Iterable[int]) -> None:
        """Write the manifest, with the records of these rows in their order. Raises OSError: then the journal
        stays, which has all of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        kept = [self.records[row] for row in rows if row in self.records]
        with (
            new_file(self.path, force=os.path.lexists(self.path)) as descriptor,
            open(descriptor, "wb", closefd=False) as file,
        ):
            for record in kept:
                file.write(msgspec.json.encode(record) + b"\n")
        self._journal.unlink(missing_ok=True)
