"""The progress bar of commands that wait, where a terminal has room for one."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

import click

_INFO_COLUMNS = 26
"""`100%  120 MB of 2.4 GB`, with the blanks and brackets beside the bar."""
_LEAST_BAR = 5
_MOST_BAR = 40
_WIPED = "\r\033[K\033[?25h"


def bar_wanted(*, as_json: bool) -> bool:
    """Whether stderr is a terminal on which a line can be drawn anew, and nobody asked for JSON."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not as_json


def open_bar(label: str, label_columns: int) -> Any:
    """A bar of 100 steps on stderr; on a narrow terminal its words alone, as a line that wraps can't be drawn
    anew. Its last words are the `current_item`: the broker knows better than a clock how long it takes.
    """
    room = shutil.get_terminal_size().columns - label_columns - _INFO_COLUMNS
    wide = f"%(label)-{label_columns}s [%(bar)s] %(info)s"
    return click.progressbar(
        length=100,
        label=label,
        file=sys.stderr,
        bar_template=wide if room >= _LEAST_BAR else "%(label)s %(info)s",
        width=max(1, min(_MOST_BAR, room)),
        show_eta=False,
        item_show_func=lambda info: info,
    ).__enter__()


def close_bar(bar: Any) -> None:
    """End its line and show the cursor again.

    One that has shown no progress is wiped out: it says no more than that something stopped at 0 %.
    """
    if bar.pos:
        bar.__exit__(None, None, None)
    else:
        click.echo(_WIPED, nl=False, err=True)
