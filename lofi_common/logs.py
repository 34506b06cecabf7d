"""Logs as `key=value` lines, to stderr and to a file, greppable by `track_id` and `worker`."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

LINE_START = "time="
_BYTES = 2_000_000
BACKUPS = 3
"""Rotated files that are kept: broker.log.1, the newest of them, and so on."""
_VALUE_CHARS = 1000
_STDERR_LINES = 1000
_STDERR_CLOSE_SEC = 0.5


class KeyValueFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        line = (
            f"{LINE_START}{stamp}.{record.msecs:03.0f} level={record.levelname.lower()} {record.getMessage()}"
        )
        if record.exc_info:
            line += f" error={self.formatException(record.exc_info)!r}"
        return line


def fields(event: str, **values: object) -> str:
    """`event=… key=value …`; values with blanks, quotes or line breaks are quoted, long ones cut."""
    parts = [f"event={event}"]
    for key, value in values.items():
        text = str(value)
        if len(text) > _VALUE_CHARS:  # what a peer sent may be long
            text = f"{text[:_VALUE_CHARS]}…"
        if not text or any(c in text for c in " \"'=\n\r\t\\"):
            text = repr(text)
        parts.append(f"{key}={text}")
    return " ".join(parts)


class DroppingStderr(logging.Handler):
    """Writes to stderr from a thread: a reader that stopped reading loses lines and holds nobody up."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: queue.Queue[str | None] = queue.Queue(_STDERR_LINES)
        self._thread = threading.Thread(target=self._run, name="stderr-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(self.format(record))

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                os.write(2, line.encode(errors="replace") + b"\n")
            except OSError:  # nobody reads any more
                return

    def close(self) -> None:
        """Give the last lines a moment to be written."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(_STDERR_CLOSE_SEC)
        super().close()


@contextlib.contextmanager
def logging_to(level: str, file: Path | None, *, stderr: bool) -> Iterator[None]:
    """Send the root logger to a rotated file and to stderr, either or both, until the block ends."""
    handlers: list[logging.Handler] = []
    if file is not None:
        handlers.append(RotatingFileHandler(file, maxBytes=_BYTES, backupCount=BACKUPS, encoding="utf-8"))
    if stderr:
        handlers.append(DroppingStderr())
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in handlers:
        handler.setFormatter(KeyValueFormatter())
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
