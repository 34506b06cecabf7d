"""Logs as `key=value` lines, to stderr and to a file, greppable by `track_id` and `worker`."""

from __future__ import annotations

import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

LINE_START = "time="
_BYTES = 2_000_000
_BACKUPS = 3


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
    """`event=… key=value …`; values with blanks, quotes or line breaks are quoted."""
    parts = [f"event={event}"]
    for key, value in values.items():
        text = str(value)
        if not text or any(c in text for c in " \"'=\n\r\t\\"):
            text = repr(text)
        parts.append(f"{key}={text}")
    return " ".join(parts)


def set_up_logs(level: str, file: Path | None) -> None:
    """Send the root logger to stderr and, when `file` is given, to that rotated file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        handlers.append(RotatingFileHandler(file, maxBytes=_BYTES, backupCount=_BACKUPS, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
