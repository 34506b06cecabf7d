"""A check of `lofi doctor` as text for people."""

from __future__ import annotations

from lofi_cli.doctor import Check
from lofi_cli.look import coloured, wrapped
from lofi_cli.show import printable

_MARGIN = 8


def show_check(check: Check) -> str:
    if not check.ok:
        mark = coloured("problem", "red")
    elif check.advice:
        mark = coloured("note   ", "yellow")
    else:
        mark = coloured("ok     ", "green")
    line = f"{mark} {wrapped(printable(check.what), _MARGIN)}"
    return f"{line}\n{'':{_MARGIN}}{wrapped(printable(check.advice), _MARGIN)}" if check.advice else line
