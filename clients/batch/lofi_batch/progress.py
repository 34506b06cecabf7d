"""How far a batch is: a bar on a terminal, a line a minute elsewhere, JSON lines for scripts, one line at its
end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import click
import msgspec

from lofi_batch.manifest import Record
from lofi_batch.plan import Row
from lofi_cli import exits
from lofi_cli.bar import bar_wanted
from lofi_cli.show import counted, printable
from lofi_common.units import human_time

_NAMED = 5
"""Failed rows whose reason the summary tells."""
_TOLD_EVERY_SEC = 60.0
"""Where no bar can be drawn: in a log."""


@contextmanager
def looked_at(rows: list[Row], *, quiet: bool) -> Iterator[Iterable[Row]]:
    """The rows; while they are gone through, a bar on a terminal: their files are read."""
    if quiet or not bar_wanted(as_json=False):
        yield rows
        return
    with click.progressbar(rows, label="looking at what is there", file=sys.stderr, width=20) as shown:
        yield shown


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """rows: of this shard. there: with their files, from earlier runs too."""

    rows: int
    there: int
    failed: int
    audio_sec: int
    """Of the tracks that were made in this run."""
    seconds: float
    """That this run took."""
    manifest: str


class Progress:
    """Counts what ends and shows it."""

    def __init__(
        self, *, rows: int, there: int, audio_sec: int, manifest: str, as_json: bool, quiet: bool
    ) -> None:
        """audio_sec: of all rows that are to be made."""
        self._rows, self._there, self._failed = rows, there, 0
        self._to_make, self._audio_sec, self._made = audio_sec, 0, 0
        self._failures: list[str] = []
        """The first ones."""
        self._passed = 0
        """Seconds of audio of rows that have ended, however."""
        self._manifest = manifest
        self._json = as_json
        self._quiet = quiet
        self._began = self._told_at = time.monotonic()
        self._bar: Any = None
        if bar_wanted(as_json=False) and not quiet:
            self._bar = click.progressbar(
                length=rows,
                label="making tracks",
                file=sys.stderr,
                bar_template="%(label)s [%(bar)s] %(info)s",
                show_eta=False,  # tracks differ in length
                show_pos=True,
                show_percent=False,
                width=20,
                item_show_func=lambda item: item,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.__enter__()
            self._bar.update(self._there)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def ended(self, record: Record, new: bool) -> None:
        """A row is there, or is given up. new: its track was not in the library."""
        self._passed += record.duration_sec
        if record.error is None:
            self._there += 1
            self._made += 1
            self._audio_sec += record.duration_sec if new else 0
        else:
            self._failed += 1
            if len(self._failures) < _NAMED:
                self._failures.append(f"row {record.row}: {record.error.message}")
        self._emit("row", msgspec.to_builtins(record))
        if self._bar is not None:
            self._bar.update(1, self._rate())
        elif not self._json and not self._quiet:
            self._tell_now_and_then()

    def tell(self, message: str, recovery: str = "") -> None:
        """Something that the user has to know while it goes on."""
        if self._bar is not None:
            print(file=sys.stderr)
        exits.tell(message, recovery)

    def counts(self) -> Counts:
        return Counts(
            rows=self._rows,
            there=self._there,
            failed=self._failed,
            audio_sec=self._audio_sec,
            seconds=round(time.monotonic() - self._began, 3),
            manifest=self._manifest,
        )

    def summary(self) -> None:
        """The last words of a run; its manifest's path for scripts."""
        self._finish()
        counts = self.counts()
        self._emit("end", msgspec.to_builtins(counts))
        if not self._json:
            print(counts.manifest)
        if self._quiet:
            return
        words = f"{counts.there} of {counted(counts.rows, 'row')} there"
        if self._there > self._made:
            words += f", {self._there - self._made} of them before"
        if counts.failed:
            words += f", {counts.failed} failed"
        if counts.audio_sec:
            pace = counts.audio_sec / counts.seconds if counts.seconds else 0.0
            words += f"; {counts.audio_sec} s of audio in {counts.seconds:.1f} s ({pace:.1f} × real time)"
        elif self._made:
            words += "; all of them were in the library"
        if counts.failed > len(self._failures):
            self._failures.append(f"… and {counts.failed - len(self._failures)} more: see {counts.manifest}")
        exits.tell(words)
        if not self._json:  # each has its object
            for line in self._failures:
                print(f"      {printable(line)}", file=sys.stderr)

    def _tell_now_and_then(self) -> None:
        """A line for a log, when the last one is a minute old; after the last row comes the summary."""
        now = time.monotonic()
        if now - self._told_at < _TOLD_EVERY_SEC or self._there + self._failed >= self._rows:
            return
        self._told_at = now
        words = f"{self._there} of {counted(self._rows, 'row')}, {self._tracks_a_minute()}"
        exits.tell(words + self._left())

    def _rate(self) -> str:
        """Tracks a minute, speed and time left, by what this run has made."""
        return f"{self._tracks_a_minute()}, {self._audio_sec / self._seconds():.1f} × real time{self._left()}"

    def _seconds(self) -> float:
        """Since this run began; never 0."""
        return max(time.monotonic() - self._began, 1e-3)

    def _tracks_a_minute(self) -> str:
        return f"{self._made * 60 / self._seconds():.1f} a minute"

    def _left(self) -> str:
        """The time that is left, and what has failed, to go after other words."""
        words = ""
        if self._passed:
            left = (self._to_make - self._passed) * self._seconds() / self._passed
            words = f", {human_time(left)} left"
        return words + (f", {self._failed} failed" if self._failed else "")

    def _emit(self, event: str, fields: dict[str, object]) -> None:
        if self._json:
            print(msgspec.json.encode({"event": event, **fields}).decode(), flush=True)

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
