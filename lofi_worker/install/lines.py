"""The installer's voice: lines on what was stdout, as often as somebody wants to read them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from lofi_common.installs import Download, Importing, Line, encode_line

EVERY_SEC = 0.25


class Lines:
    """Owns the descriptor that was stdout; whatever prints by itself is sent to stderr from now on."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)

    def write(self, line: Line) -> None:
        """Raises BrokenPipeError when nobody reads any more."""
        data = memoryview(encode_line(line))
        while data:
            data = data[os.write(self._out, data) :]


class DownloadLines:
    """Progress over all files of a model: at most four lines a second, and the last one of each file."""

    def __init__(
        self,
        write: Callable[[Line], None],
        *,
        files_total: int,
        bytes_total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._files_total = files_total
        self._bytes_total = bytes_total
        self._clock = clock
        self._done_files = 0
        self._done_bytes = 0
        self._next = 0.0

    def at(self, name: str, count: int) -> None:
        """`count` bytes of the file are there."""
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY_SEC
            self._say(name, count)

    def complete(self, name: str, count: int) -> None:
        """The file of `count` bytes lies in its place."""
        self._done_files += 1
        self._done_bytes += count
        self._say(name, 0)

    def _say(self, name: str, count: int) -> None:
        self._write(
            Download(
                file_name=name,
                bytes_downloaded=self._done_bytes + count,
                bytes_total=self._bytes_total,
                files_completed=self._done_files,
                files_total=self._files_total,
            )
        )


class ImportLines:
    """Progress of the import: at most four lines a second, and the first and the last one of each stage."""

    def __init__(self, write: Callable[[Line], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._stage: str | None = None
        self._next = 0.0

    def report(self, stage: str, done: int, total: int) -> None:
        now = self._clock()
        if stage != self._stage or done >= total or now >= self._next:
            self._stage = stage
            self._next = now + EVERY_SEC
            self._write(Importing(stage=stage, done=done, total=total))
