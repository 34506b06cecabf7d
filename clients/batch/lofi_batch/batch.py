"""Drives an engine: what it makes gets its name and is written down, group by group. For every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lofi_batch.engine import Engine, Made, Outcome, Taking
from lofi_batch.errors import FolderFailed
from lofi_batch.manifest import Ledger, Record, RowError
from lofi_batch.plan import Row

Ended = Callable[[Record, bool], None]


def run(rows: Iterable[Row], engine: Engine, taking: Taking, ledger: Ledger, ended: Ended) -> None:
    """Make these rows; returns when each has a record, `ended` is called with every one and with whether its
    track was made just now.

    Raises FolderFailed when the folder or the place can't be written, and what the engine raises.
    """
    for group in engine.make(rows):
        _Group(group, ledger, taking).end(engine, ended)


class _Group:
    """Rows that ended together: one write of the journal for all of them."""

    def __init__(self, group: list[Outcome], ledger: Ledger, taking: Taking) -> None:
        self._group, self._ledger, self._taking = group, ledger, taking
        self._before = {each.row.row: ledger.records.get(each.row.row) for each in group}
        self._records: dict[int, Record] = {}

    def end(self, engine: Engine, ended: Ended) -> None:
        tracks = [each for each in self._group if isinstance(each, Made)]
        try:
            errors = self._taking.take(tracks, self._known)
        except BaseException:
            for track in tracks:
                self._take_back(track.row.row)
            raise
        broken: FolderFailed | None = None
        for each in self._group:
            row = each.row.row
            error = errors.get(row)
            if isinstance(each, Made) and error is not None:
                self._take_back(row)
                if isinstance(error, FolderFailed):
                    broken = broken or error
                else:
                    engine.again(each, RowError(code=error.name, message=str(error)))
                continue
            if isinstance(each, Made):
                engine.taken(each)
            ended(self._records[row], isinstance(each, Made) and each.new)
        if broken is not None:
            raise broken

    def _known(self, sizes: Mapping[int, int]) -> None:
        """Write down what failed, and what is about to get its name."""
        records = [
            self._record(each, sizes)
            for each in self._group
            if not isinstance(each, Made) or each.row.row in sizes
        ]
        try:
            self._ledger.add(records)
        except OSError as error:
            raise FolderFailed(f"{self._ledger.path.parent} can't be written: {error.strerror}") from error
        self._records = {record.row: record for record in records}

    def _record(self, outcome: Outcome, sizes: Mapping[int, int]) -> Record:
        before = self._before[outcome.row.row]
        earlier = before.attempts if before is not None and before.is_of(outcome.row) else 0
        attempts = earlier + outcome.attempts
        if not isinstance(outcome, Made):
            return Record.of(outcome.row, attempts=attempts, error=outcome.error)
        return Record.of(
            outcome.row,
            attempts=attempts,
            model_version=outcome.model_version,
            track_id=outcome.track_id,
            sha256=outcome.sha256,
            bytes=sizes[outcome.row.row],
            seconds=outcome.seconds,
        )

    def _take_back(self, row: int) -> None:
        """Of a track that was written down and has not got its name."""
        record = self._records.get(row)
        if record is not None and not self._taking.is_there(record):
            self._ledger.take_back(row)
