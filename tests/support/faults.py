"""System calls of a running process that fail, by Debian's fiu-utils."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_fiu = pytest.mark.skipif(shutil.which("fiu-run") is None, reason="fiu-utils are not installed")

FSYNC, FDATASYNC = "posix/io/sync/fsync", "posix/io/sync/fdatasync"
RENAME, WRITE = "posix/io/dir/rename", "posix/io/rw/write"


def faulty(folder: Path) -> dict[str, str]:
    """The environment of processes whose system calls can be made to fail, one by one and later on."""
    command = ["fiu-run", "-x", "-f", str(folder / "fiu"), "env"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    found = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    return {name: found[name] for name in ("LD_PRELOAD", "FIU_CTRL_FIFO")}


def fail(folder: Path, pid: int, *calls: str, number: int = 5) -> None:
    """From now on these calls of the process fail with this errno (5: input/output error)."""
    _control(folder, pid, *[f"enable name={call},failinfo={number}" for call in calls])


def mend(folder: Path, pid: int, *calls: str) -> None:
    _control(folder, pid, *[f"disable name={call}" for call in calls])


def _control(folder: Path, pid: int, *commands: str) -> None:
    arguments = [part for command in commands for part in ("-c", command)]
    subprocess.run(["fiu-ctrl", *arguments, "-f", str(folder / "fiu"), str(pid)], check=True, timeout=10)
