"""One run of `lofi-batch`: what is there is looked at, the rest is made. For every engine."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

import msgspec

from lofi_batch import batch
from lofi_batch.engine import Means
from lofi_batch.errors import FolderFailed
from lofi_batch.folder import Folder
from lofi_batch.interrupts import Interrupts
from lofi_batch.lock import Busy, locked
from lofi_batch.manifest import Ledger, ManifestError, Record
from lofi_batch.plan import Row, Shard
from lofi_batch.progress import Progress, looked_at
from lofi_batch.run_file import RunFile, begun, ended, read_run, write_run
from lofi_batch.survey import Survey, survey
from lofi_cli import exits
from lofi_cli.show import counted, printable
from lofi_common.errors import InvalidParams, LofiError

_NAMED = 5
"""Files that a refusal names."""
_GO_ON = "The same command goes on from here."


def make(
    folder: Path, shard: Shard, rows: list[Row], means: Means, *, force: bool, as_json: bool, quiet: bool
) -> int:
    """Make what is missing; the exit code. Raises LofiError when nothing can be made at all."""
    try:
        with contextlib.ExitStack() as stack:
            Folder(folder).prepare()
            stack.enter_context(locked(folder, shard))
            ledger = Ledger(folder, shard.manifest)
            before = read_run(folder, shard)
            with looked_at(rows, quiet=quiet or not ledger.records) as shown:
                found = survey(means.place, shown, ledger.records)
            _check(found, force=force)
            if not force:
                _check_place(found, ledger, before, means, folder)
            means.place.prepare()
            means.place.delete(record.path for record in found.changed)
            if not means.place.compares_bytes:  # a driver that is killed must not take them for its own
                means.place.delete(found.in_the_way)
            progress = Progress(
                rows=len(rows),
                there=len(found.there),
                audio_sec=sum(row.duration_sec for row in found.to_do),
                manifest=str(ledger.path),
                as_json=as_json,
                quiet=quiet,
            )
            run = begun(
                engine=means.name,
                place=means.place.shown,
                elsewhere=means.elsewhere,
                rows=len(rows),
                there=len(found.there),
                journal=ledger.size,
            )
            write_run(folder, shard, run)
            code = _Run(ledger, found, means, progress).to_the_end([row.row for row in rows])
            counts = progress.counts()
            with contextlib.suppress(OSError):  # the disk is full: then the manifest has told so
                made = counts.there - len(found.there)
                write_run(folder, shard, ended(run, made=made, failed=counts.failed))
            return code
    except OSError as error:
        raise FolderFailed(f"{error.filename or folder}: {error.strerror}") from error
    except (Busy, ManifestError) as error:
        return exits.fail(error.name, str(error), error.recovery, code=exits.USAGE)


class _Run:
    """From the first row that is to be made to the manifest."""

    def __init__(self, ledger: Ledger, found: Survey, means: Means, progress: Progress) -> None:
        self._ledger, self._found, self._means, self._progress = ledger, found, means, progress
        self._interrupts = Interrupts()
        self._engine = means.start(_versions(found, ledger), self._interrupts, progress.tell)

    def to_the_end(self, rows: list[int]) -> int:
        """The exit code. rows: of this shard."""
        code = exits.OK
        with self._progress:
            try:
                if self._found.to_do:  # else no broker is needed
                    batch.run(
                        self._found.to_do,
                        self._engine,
                        self._means.taking,
                        self._ledger,
                        self._progress.ended,
                    )
                    code = self._check_all_ended()
            except KeyboardInterrupt:
                self._engine.cancel()
                code = 128 + (self._interrupts.received or signal.SIGINT)
                self._progress.tell(f"interrupted: {self._still_to_do()}", _GO_ON)
            except LofiError as error:
                self._engine.cancel()
                code = exits.code_of(error.name)
                self._progress.tell(f"{error}: {self._still_to_do()}", f"{error.recovery} {_GO_ON}")
            finally:
                self._engine.close()
            code = self._write_manifest(rows) or code or self._tidy()
            self._progress.summary()
        return code or (exits.JOB_FAILED if self._progress.counts().failed else exits.OK)

    def _check_all_ended(self) -> int:
        """An engine that leaves rows out is broken; no run of it must look whole."""
        if self._left() == 0:
            return exits.OK
        self._progress.tell(f"the engine {self._means.name} has ended: {self._still_to_do()}", _GO_ON)
        return exits.JOB_FAILED

    def _left(self) -> int:
        counts = self._progress.counts()
        return counts.rows - counts.there - counts.failed

    def _still_to_do(self) -> str:
        left = self._left()
        return f"{counted(left, 'row')} {'is' if left == 1 else 'are'} still to be made"

    def _write_manifest(self, rows: list[int]) -> int:
        try:
            self._ledger.close(rows)
        except OSError as error:
            told = f"{self._ledger.path} can't be written: {error.strerror}"
            self._progress.tell(told, f"What was made is written down in its journal. {_GO_ON}")
            return exits.JOB_FAILED
        return exits.OK

    def _tidy(self) -> int:
        """After a run in which every row has ended."""
        place, manifest = self._means.place, self._ledger.path
        try:
            if self._means.elsewhere:
                place.put(manifest, manifest.name)
            place.tidy()
        except LofiError as error:
            self._progress.tell(str(error), f"The tracks are there. {_GO_ON}")
            return exits.JOB_FAILED
        return exits.OK


def _check(found: Survey, *, force: bool) -> None:
    """Raises InvalidParams for a folder that this batch must not be mixed into."""
    if found.outside:
        raise InvalidParams(f"a link leads out of the folder: {_named(found.outside)}")
    if found.no_files:
        raise InvalidParams(
            f"something that is no file has the name of: {_named(found.no_files)}",
            recovery="Move it away, or give another folder.",
        )
    if force:
        return
    if found.changed:
        rows = {row.row: row for row in found.to_do}
        changed = [_difference(record, rows.get(record.row)) for record in found.changed]
        raise InvalidParams(
            f"made from other rows than those of now, or with another --seed or model: {_named(changed)}",
            recovery="Give another folder, or --force: it makes these rows anew and deletes their old files.",
        )
    if found.in_the_way:
        raise InvalidParams(
            f"these files are there and are not of this batch: {_named(found.in_the_way)}",
            recovery="Give another folder, or --force: it replaces them.",
        )


def _check_place(found: Survey, ledger: Ledger, before: RunFile | None, means: Means, folder: Path) -> None:
    """Raises InvalidParams where nothing of what earlier runs made is in the place, as it went to another."""
    if before is None or found.there or not (before.elsewhere or means.elsewhere):
        return
    lay_in = before.place if before.elsewhere else str(folder.absolute())
    if lay_in == means.place.shown or all(record.error is not None for record in ledger.records.values()):
        return
    raise InvalidParams(
        f"this batch's tracks lie in {lay_in}, and none in {means.place.shown}",
        recovery="Give that place (--tracks; without it tracks lie in -o), or another -o, or --force: it"
        " makes all of them again.",
    )


def _difference(record: Record, row: Row | None) -> str:
    """What is not as it was when the row was made."""
    if row is None:
        return f"row {record.row} ({record.path} is not asked for any more)"
    names = [name for name in Row.__struct_fields__ if getattr(record, name) != getattr(row, name)]
    old, new = (getattr(each, names[0]) for each in (record, row))
    return f"row {record.row} ({names[0]} {printable(str(old))}, now {printable(str(new))})"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _versions(found: Survey, ledger: Ledger) -> dict[str | None, str]:
    """What each model that is asked for stood for when the first row of it was made."""
    versions: dict[str | None, str] = {}
    for row in found.there:
        record = ledger.records[row.row]
        if record.model_version is not None:
            versions.setdefault(row.model, record.model_version)
    return versions


def show_plan(folder: Path, shard: Shard, rows: list[Row], means: Means, *, as_json: bool) -> int:
    """What a run would make, on stdout; nothing is made or written. The exit code. Raises LofiError."""
    try:
        ledger = Ledger(folder, shard.manifest)
        before = read_run(folder, shard)
        found = survey(means.place, rows, ledger.records)
    except OSError as error:
        raise FolderFailed(f"{error.filename or folder}: {error.strerror}") from error
    except ManifestError as error:
        return exits.fail(error.name, str(error), error.recovery, code=exits.USAGE)
    there = {row.row for row in found.there}
    for row in rows:
        if as_json:
            fields = {"event": "plan", "there": row.row in there, **msgspec.to_builtins(row)}
            print(msgspec.json.encode(fields).decode())
        else:
            state = "there" if row.row in there else "to do"
            print(f"{row.row:>6}  {state}  {row.duration_sec:>3} s  {row.path}  {printable(row.prompt)}")
    _check(found, force=False)
    _check_place(found, ledger, before, means, folder)
    return exits.OK
