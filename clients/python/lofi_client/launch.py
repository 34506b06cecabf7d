"""Find the broker that runs, or start one that outlives its starter."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import psutil

from lofi_common.broker_file import BrokerFile, read_broker_file
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import Paths

_READY_SEC = 20.0
_APPEAR_SEC = 5.0
_PAUSE_SEC = 0.02
_PREFIX = "lofi-broker: "


def find_broker(paths: Paths) -> BrokerFile | None:
    """What the running broker says of itself; None when none runs (a file left by a crash does not count)."""
    found = read_broker_file(paths.broker_file)
    return found if found is not None and _alive(found.pid) else None


def _alive(pid: int) -> bool:
    """False for a zombie too: its parent may never look at it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_gone(pid: int, timeout_sec: float) -> bool:
    """Wait for a process that need not be a child; False when it is still there after `timeout_sec`."""
    deadline = time.monotonic() + timeout_sec
    while (alive := _alive(pid)) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SEC)
    return not alive


def start_broker(paths: Paths) -> BrokerFile:
    """Start a broker in the background and wait until it listens. Raises BrokerUnavailable with its reason.

    When another one was being started at the same time, that one is found instead.
    """
    paths.make()
    errors = paths.logs / "broker.stderr"
    read_end, write_end = os.pipe()
    try:
        with errors.open("wb") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-m", "lofi_broker", f"--ready-fd={write_end}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        os.close(write_end)
        if not select.select([read_end], [], [], _READY_SEC)[0]:
            raise BrokerUnavailable(f"the broker was not ready after {_READY_SEC:g} s; its log: {errors}")
        said = os.read(read_end, 64)
    finally:
        os.close(read_end)
    if said:
        found = find_broker(paths)
    else:  # it left without a word: another one holds the lock, or it can't start
        code = child.wait(_READY_SEC)
        if code != 0:
            raise BrokerUnavailable(f"the broker can't start: {_reason(errors, code)}")
        found = _appearing(paths)
    if found is None:
        raise BrokerUnavailable("the broker left right after its start")
    return found


def _reason(errors: Path, code: int) -> str:
    """What the broker said for itself, or the last line of its traceback."""
    lines = errors.read_text(errors="replace").strip().splitlines()
    said = [line.removeprefix(_PREFIX) for line in lines if line.startswith(_PREFIX)]
    return next(iter(said or lines[-1:]), f"exit code {code}")


def _appearing(paths: Paths) -> BrokerFile | None:
    deadline = time.monotonic() + _APPEAR_SEC
    while (found := find_broker(paths)) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE_SEC)
    return found
