"""Drives an engine: what it makes is put into the folder and written down, row by row. For every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from lofi_batch import files
from lofi_batch.engine import Engine, Made
from lofi_batch.manifest import Ledger, Record, RowError
from lofi_batch.plan import Row


def run(
    rows: Iterable[Row], engine: Engine, ledger: Ledger, folder: Path, ended: Callable[[Record, bool], None]
) -> None:
    """Make these rows; returns when each has a record, `ended` is called with every one and with whether its
    track was made just now.

    Raises FolderFailed when the folder can't be written, and what the engine raises.
    """
    for outcome in engine.make(rows):
        before = ledger.records.get(outcome.row.row)
        earlier = before.attempts if before is not None and before.is_of(outcome.row) else 0
        attempts = earlier + outcome.attempts
        if isinstance(outcome, Made):
            record = _take(outcome, attempts, before, engine, ledger, folder)
            if record is None:
                continue
        else:
            record = Record.of(outcome.row, attempts=attempts, error=outcome.error)
            _write_down(record, ledger)
        ended(record, isinstance(outcome, Made) and outcome.new)


def _write_down(record: Record, ledger: Ledger) -> None:
    try:
        ledger.add(record)
    except OSError as error:
        raise files.FolderFailed(f"{ledger.path.parent} can't be written: {error.strerror}") from error


def _take(
    made: Made, attempts: int, before: Record | None, engine: Engine, ledger: Ledger, folder: Path
) -> Record | None:
    """The record of a track that is safe in the folder; None when it has to be made again."""
    records: list[Record] = []

    def known(size: int) -> None:
        record = Record.of(
            made.row,
            attempts=attempts,
            model_version=made.model_version,
            track_id=made.track_id,
            sha256=made.sha256,
            bytes=size,
            seconds=made.seconds,
        )
        _write_down(record, ledger)
        records.append(record)

    try:
        try:
            files.take(made.file, folder / made.row.path, made.sha256, known)
        except BaseException:
            if records and not files.is_there(folder, records[0]):
                ledger.take_back(made.row.row, before)
            raise
    except (files.SourceLost, files.TargetFailed) as error:
        engine.again(made, RowError(code=error.name, message=str(error)))
        return None
    engine.taken(made)
    return records[0]
