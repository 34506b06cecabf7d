"""What a terminal gets and a file or a pipe does not: colour, and lines that end where it ends."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata
from typing import Literal

import click

Colour = Literal["red", "green", "yellow", "cyan"]


def colour_wanted() -> bool:
    """Whether stdout is a terminal, NO_COLOR (https://no-color.org) is not set and it is not a dumb one."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def coloured(text: str, colour: Colour | None = None, *, dim: bool = False) -> str:
    return click.style(text, fg=colour, dim=dim or None) if colour_wanted() else text


def fitted(line: str) -> str:
    """The line as wide as the terminal at most; all of it elsewhere."""
    return cut(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line


def wrapped(text: str, indent: int) -> str:
    """The text on as many lines as it takes beside a margin of `indent` columns; on one elsewhere."""
    if not sys.stdout.isatty():
        return text
    columns = max(20, shutil.get_terminal_size().columns - indent)
    return ("\n" + " " * indent).join(textwrap.wrap(text, columns))


def cut(line: str, columns: int) -> str:
    """The line's beginning, an ellipsis where more followed, on so many columns."""
    used = 0
    for i, char in enumerate(line):
        used += _columns(char)
        if used > columns or (used == columns and i + 1 < len(line)):
            return line[:i] + "…"
    return line


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
