"""Runs the benchmark's processes, and says in one line why one failed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

ROOT = Path(__file__).parents[1]
SHOWN = 4000  # of a failed process' output
REASON = 300  # a page's line


class ProcessFailed(Exception):
    """A process could not do its work. The text is the reason in one line."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason[:REASON])
        self.output = output[-SHOWN:]


def run_process(command: Sequence[str], *, timeout_sec: float, environ: Mapping[str, str]) -> str:
    """Runs a command from the project's root, without network for models, and returns what it printed.

    Settings of a lofi that is in use here don't reach it. Raises ProcessFailed.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOFI_")}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**inherited, "HF_HUB_OFFLINE": "1", **environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_sec,
        )
    except subprocess.TimeoutExpired as error:
        raise ProcessFailed(f"gave no answer within {timeout_sec:g} s") from error
    except OSError as error:
        raise ProcessFailed(f"{Path(command[0]).name} can't be started: {error.strerror}") from error
    if done.returncode != 0:
        raise ProcessFailed(_reason(done.stderr, done.returncode), done.stdout + done.stderr)
    return done.stdout


def answer_of(printed: str, kind: type[S]) -> S:
    """The last line that a process printed. Raises ProcessFailed when it is no such answer."""
    lines = printed.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else "", type=kind)
    except msgspec.DecodeError as error:
        raise ProcessFailed(f"printed no {kind.__name__}: {error}", printed) from error


def _reason(errors: str, status: int) -> str:
    """The exception rather than its stack; else the last words; else the status."""
    if status < 0:
        return f"died of signal {-status}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"(\w+\.)*[A-Z]\w+: .", line)]
    return (raised or lines or [f"exit status {status}"])[-1]
