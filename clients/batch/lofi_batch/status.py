"""How far the batches of a folder are, from what they write down; their files are not looked at."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import msgspec

from lofi_batch.lock import is_at_work
from lofi_batch.manifest import Ledger, RowError
from lofi_batch.plan import Shard
from lofi_batch.run_file import RunFile, read_run
from lofi_cli.show import counted, printable
from lofi_common.units import human_time

_NAMED = 5
"""Failed rows that are told with their reasons."""
_TRACES = re.compile(r"\.?(?:manifest|lofi-batch\.run)(?:\.(\d+)-of-(\d+))?(?:\.jsonl(?:\.journal)?)?")
"""What a batch leaves in its folder: manifest, journal, run file."""


class FailedRow(msgspec.Struct, frozen=True):
    row: int
    error: RowError


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Of a batch, or of a shard of one."""

    manifest: str
    rows: int | None
    """None: the last run was one of a version that does not say."""
    there: int
    failed: int
    """In the last run."""
    left: int | None
    """Rows that have not ended."""
    at_work: bool
    made: int
    """Rows, by the last run."""
    seconds: float | None
    """That the last run took: until now, its end, or the last row before it was killed."""
    tracks_per_minute: float | None
    run: RunFile | None
    """The last one."""
    failures: list[FailedRow]
    """The first ones, of earlier runs too until they are tried again."""


def shards_in(folder: Path) -> list[Shard]:
    """Those of which there is a trace. Raises OSError."""
    found = [_TRACES.fullmatch(path.name) for path in folder.iterdir()]
    return sorted({Shard(int(each[1] or 1), int(each[2] or 1)) for each in found if each is not None})


def status_of(folder: Path, shard: Shard, now: float) -> Status:
    """now: Unix seconds. Raises ManifestError, OSError."""
    ledger, run, written = _read(folder, shard)
    errors = ((row, ledger.records[row].error) for row in ledger.records)
    failures = [FailedRow(row, error) for row, error in errors if error is not None]
    at_work = is_at_work(folder, shard)
    made, failed, there, seconds = 0, len(failures), len(ledger.records) - len(failures), None
    if run is not None and run.ended_at is not None:
        made, failed, there, seconds = run.made, run.failed, run.there + run.made, run.ended_at - run.began_at
    elif run is not None:
        if not written or max(written.values()) < run.began_at:
            failed, there = 0, run.there
        elif ledger.size > 0:  # else the run has written its manifest, and is about to end
            since = [record.error is None for record in ledger.since(run.journal)]
            failed, there = since.count(False), run.there + since.count(True)
        made = max(0, there - run.there)
        until = now if at_work else max(run.began_at, *written.values())
        seconds = until - run.began_at
    return Status(
        manifest=shard.manifest,
        rows=run.rows if run else None,
        there=there,
        failed=failed,
        left=run.rows - there - failed if run else None,
        at_work=at_work,
        made=made,
        seconds=round(seconds, 3) if seconds is not None else None,
        tracks_per_minute=round(made * 60 / seconds, 1) if seconds else None,
        run=run,
        failures=failures[:_NAMED],
    )


def _read(folder: Path, shard: Shard) -> tuple[Ledger, RunFile | None, dict[Path, float]]:
    """With when manifest and journal were written. While a run turns the one into the other, once more."""
    while True:
        before = _written(folder, shard)
        ledger, run = Ledger(folder, shard.manifest), read_run(folder, shard)
        after = _written(folder, shard)
        if before.keys() == after.keys():
            return ledger, run, {path: written for (path, _), written in after.items()}


def _written(folder: Path, shard: Shard) -> dict[tuple[Path, int], float]:
    """By path and inode: Unix seconds."""
    found = {}
    for path in (folder / shard.manifest, folder / f".{shard.manifest}.journal"):
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            found[path, about.st_ino] = about.st_mtime
    return found


def words_of(status: Status) -> list[str]:
    """Lines for people."""
    of = f" of {counted(status.rows, 'row')}" if status.rows is not None else ""
    words = f"{status.manifest}: {status.there}{of} there"
    if status.failed:
        words += f", {status.failed} failed"
    if status.left:
        words += f", {status.left} still to be made"
    lines = [words]
    if (run := status.run) is not None and status.seconds is not None:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.began_at))
        state = "ended" if run.ended_at is not None else "was killed"
        who = f"at work (pid {run.pid} on {run.host})" if status.at_work else state
        lines.append(f"{who}, engine {run.engine}, tracks in {printable(run.place)}")
        told = f"began {began}; {counted(status.made, 'track')} in {human_time(status.seconds)}"
        if status.tracks_per_minute:
            told += f", {status.tracks_per_minute} a minute"
            if status.at_work and status.left:
                told += f", {human_time(status.left * 60 / status.tracks_per_minute)} left"
        lines.append(told)
    elif status.at_work:
        lines.append("at work")
    lines += [f"row {each.row}: {printable(each.error.message)}" for each in status.failures]
    return [lines[0], *(f"      {line}" for line in lines[1:])]
