"""The broker's log on disk: read through its rotated files, line by line, field by field."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from lofi_cli.look import Colour, coloured
from lofi_cli.show import json_line, printable
from lofi_client.client import BROKER_VARIABLE
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.logs import BACKUPS
from lofi_common.paths import find_paths

_FIELD = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*)(?: |$)""")
_LEVEL_COLOURS: dict[str, Colour] = {"warning": "yellow", "error": "red", "critical": "red"}


def log_file() -> Path:
    """Of this user's broker. Raises InvalidParams when commands go to a broker on another machine."""
    elsewhere = os.environ.get(BROKER_VARIABLE)
    if elsewhere:
        raise InvalidParams(
            f"{BROKER_VARIABLE} is set: the log of the broker at {elsewhere} lies on its machine",
            recovery=f"Run `lofi logs` there, or without {BROKER_VARIABLE} for this machine's own.",
        )
    return find_paths(os.environ).logs / "broker.log"


class LogTail:
    """The lines of a log from the oldest on. It is followed through its rotation and waited for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: BinaryIO | None = None
        self._rest = b""

    def close(self) -> None:
        if self._open is not None:
            self._open.close()

    @property
    def found(self) -> bool:
        """Whether there was a log to read."""
        return self._open is not None

    def read(self) -> Iterator[str]:
        """The lines that have come since the last call. Raises LofiError when the log can't be read."""
        try:
            yield from self._come()
            while (newer := self._newer()) is not None:
                yield from self._come()  # what was written between the last look and the rotation
                if self._open is not None:
                    self._open.close()
                self._open, self._rest = newer, b""
                yield from self._come()
        except OSError as error:
            raise LofiError(
                f"{self._file} can't be read: {error.strerror}", recovery="See that you may read it."
            ) from error

    def _come(self) -> Iterator[str]:
        if self._open is None:
            return
        if os.fstat(self._open.fileno()).st_size < self._open.tell():  # somebody has emptied it
            self._open.seek(0)
            self._rest = b""
        *lines, self._rest = (self._rest + self._open.read()).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")

    def _newer(self) -> BinaryIO | None:
        """The file that follows the one being read, the oldest where none is; None at the newest.

        From the newest to the oldest: a rotation in between makes each only older, so none is left out.
        """
        here = os.fstat(self._open.fileno()).st_ino if self._open is not None else None
        names = [self._file, *(Path(f"{self._file}.{age}") for age in range(1, BACKUPS + 1))]
        newer: BinaryIO | None = None
        for path in names:
            try:
                opened = path.open("rb")
            except FileNotFoundError:
                continue
            if os.fstat(opened.fileno()).st_ino == here:
                opened.close()
                return newer
            if newer is not None:
                newer.close()
            newer = opened
        return newer


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines to show; null: all."""

    track: str | None = None
    """An id's beginning."""
    worker: str | None = None

    def takes(self, line: str) -> bool:
        if self.track is not None and f"track_id={self.track}" not in line:
            return False
        return self.worker is None or f"worker={self.worker} " in f"{line} "


def line_fields(line: str) -> dict[str, str]:
    """`time=… level=… event=… key='a value'` as a dict; text that is no field under "message"."""
    found: dict[str, str] = {}
    place = 0
    while field := _FIELD.match(line, place):
        key, text = field.groups()
        found[key] = _unquoted(text)
        place = field.end()
    return {**found, "message": line[place:]} if line[place:] else found


def _unquoted(text: str) -> str:
    if text[:1] not in ("'", '"'):
        return text
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):  # no broker wrote that
        return text


def show_line(line: str, *, as_json: bool) -> str:
    if as_json:
        return json_line(line_fields(line))
    clean = printable(line)
    stamp, _, rest = clean.partition(" ")
    level, _, event = rest.partition(" ")
    if not stamp.startswith("time=") or not level.startswith("level="):
        return clean
    return f"{coloured(stamp, dim=True)} {coloured(level, _LEVEL_COLOURS.get(level[6:]))} {event}"
