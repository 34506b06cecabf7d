"""The broker of a chaos run as a process, its workers, and whoever is left of a home."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class Pid:
    """A process that can't be mistaken for a later one of the same number."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when it is gone."""
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def send(self, number: signal.Signals) -> bool:
        """False when it was gone before."""
        if self.gone(0.0):
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)
        return True

    def gone(self, timeout_sec: float) -> bool:
        """Wait for its end; false when it lives on."""
        return bool(select.select([self._handle], [], [], max(0.0, timeout_sec))[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._handle)


class BrokerProcess:
    """A headless broker. What it says on stderr is appended to `errors`."""

    def __init__(self, environ: Mapping[str, str], errors: Path) -> None:
        self.errors = errors
        self._ready, write_end = os.pipe()
        with errors.open("ab") as stderr:
            self._said = stderr.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lofi_broker", f"--ready-fd={write_end}"],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(write_end,),
            )
        os.close(write_end)
        self.pid = self._process.pid
        self.id = Pid(self.pid)

    def ready(self, timeout_sec: float) -> bool:
        """Wait until it serves; false when it ended first, or takes longer."""
        if not select.select([self._ready], [], [], timeout_sec)[0]:
            return False
        return os.read(self._ready, 16) == b"ready\n"

    def worker(self, timeout_sec: float) -> Pid | None:
        """The newest worker, as soon as there is one; none when the broker ends or the time is over."""
        deadline = time.monotonic() + timeout_sec
        while time.monotonic() < deadline:
            found = children(self.pid)
            with contextlib.suppress(ProcessLookupError):
                if found:
                    return Pid(found[-1])
            if self.id.gone(0.01):
                return None
        return None

    def end(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        code = self._process.wait()
        self.id.close()
        os.close(self._ready)
        return code

    def last_words(self) -> str:
        """What it wrote to stderr, the last line."""
        said = self.errors.read_bytes()[self._said :].decode(errors="replace").strip().splitlines()
        return said[-1] if said else ""


def children(pid: int) -> list[int]:
    """The children of a process's main thread, oldest first; none when it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def workers_of(root: Path) -> list[Pid]:
    """All live workers that write under `root`, whoever their parent is."""
    return _processes(f"--spool={root}/", "cmdline")


def all_of(root: Path) -> list[Pid]:
    """All live processes whose LOFI_HOME is under `root`."""
    return _processes(f"LOFI_HOME={root}/", "environ")


def _processes(mark: str, file: str) -> list[Pid]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if mark.encode() in (folder / file).read_bytes():
                    found.append(Pid(int(folder.name)))
    return found
