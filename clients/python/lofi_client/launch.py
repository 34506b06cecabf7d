"""Find the broker that runs, or start one that outlives its starter."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from lofi_common.broker_file import BrokerFile, read_broker_file
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import Paths

READY_SEC = 20.0
_PAUSE_SEC = 0.02
_PREFIX = "lofi-broker: "
_READY = b"ready\n"
_WORDS = 4096
"""Bytes of what the broker says at its start, at most."""


def find_broker(paths: Paths) -> BrokerFile | None:
    """What the running broker says of itself; None when none runs (a file left by a crash does not count)."""
    return read_broker_file(paths.broker_file) if is_running(paths) else None


def is_running(paths: Paths) -> bool:
    """Whether a broker lives: the kernel gives its lock back however it ends."""
    try:
        descriptor = os.open(paths.broker_lock, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise BrokerUnavailable(f"{paths.broker_lock} can't be read: {error.strerror}") from error
    try:
        # Shared and given back at once. A broker that starts in this very moment tries again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def wait_gone(paths: Paths, timeout_sec: float) -> bool:
    """Wait until no broker runs; False when one still does after `timeout_sec`."""
    deadline = time.monotonic() + timeout_sec
    while (running := is_running(paths)) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SEC)
    return not running


def start_broker(paths: Paths) -> BrokerFile:
    """Start a broker in the background and wait until it listens.

    When another one was being started at the same time, that one is found instead. Raises
    BrokerUnavailable with the broker's own reason.
    """
    with Starting(paths) as starting:
        if not select.select([starting], [], [], READY_SEC)[0]:
            raise starting.late()
        return starting.found()


class Starting:
    """A broker on its way. `fileno` can be read from once it listens or has given up."""

    def __init__(self, paths: Paths) -> None:
        paths.make()
        self._paths = paths
        self._errors = paths.logs / "broker.stderr"
        self._fd, write_end = os.pipe()
        try:
            self._pid = _spawn(write_end, self._errors)
        except BaseException:
            os.close(self._fd)
            raise
        finally:
            os.close(write_end)

    def fileno(self) -> int:
        return self._fd

    def found(self) -> BrokerFile:
        """What was started, or the other one that came first, once `fileno` can be read from. Raises
        BrokerUnavailable."""
        said = os.read(self._fd, _WORDS)
        if said != _READY:  # it left: another one holds the lock, or it can't start
            code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            reason, _, recovery = said.decode(errors="replace").removeprefix(_PREFIX).strip().partition("\n")
            if code != 0:
                raise BrokerUnavailable(
                    f"the broker can't start: {reason or _reason(self._errors, code)}",
                    recovery=recovery or "Mend that; `lofi doctor` checks the rest.",
                )
        found = find_broker(self._paths)
        if found is None:
            raise BrokerUnavailable("the broker left right after its start")
        return found

    def late(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"the broker was not ready after {READY_SEC:g} s; its log: {self._errors}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def _spawn(ready_fd: int, errors: Path) -> int:
    """Start the broker in a session of its own; returns its pid."""
    os.set_inheritable(ready_fd, True)
    # -P: modules of the folder that the user happens to be in are not ours.
    command = [sys.executable, "-P", "-m", "lofi_broker", f"--ready-fd={ready_fd}"]
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(errors), write, 0o600),
        ],
        setsid=True,
    )


def _reason(errors: Path, code: int) -> str:
    """The last line of the traceback of a broker that could say nothing for itself."""
    lines = errors.read_text(errors="replace").strip().splitlines()
    return next(iter(lines[-1:]), f"exit code {code}")
