"""Runs `lofi` on a terminal of its own."""

from __future__ import annotations

import os
import pty
import sys

from tests.support.home import Home


def in_a_terminal(home: Home, *arguments: str, until: bytes, answer: bytes) -> tuple[int, bytes]:
    """Run `lofi` with stdin and stderr on a terminal of its own; type `answer` once `until` is shown.

    Returns the exit code and what the terminal got.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "lofi_cli.main", *arguments],
            {**os.environ, **home.environ, "TERM": "xterm"},
        )
    shown = b""
    try:
        while until not in shown:
            shown += os.read(terminal, 4096)
        os.write(terminal, answer)
        while chunk := read(terminal):
            shown += chunk
        _, status = os.waitpid(child, 0)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def read(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except OSError:  # the other end has closed the terminal
        return b""
