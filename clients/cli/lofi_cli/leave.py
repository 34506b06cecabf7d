"""Stopping the broker: asked for, then waited for."""

from __future__ import annotations

import contextlib
import os
import signal

import msgspec

from lofi_client import Lofi
from lofi_client.client import BROKER_VARIABLE
from lofi_client.launch import find_broker, wait_gone
from lofi_common import PROTOCOL
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import find_paths

_LEAVE_SEC = 15.0


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. pid: of the broker that left; null where none ran."""

    stopped: bool
    pid: int | None = None
    address: str | None = None
    """Of a broker on another machine."""
    music: bool = False
    """Whether something played, which has ended with it."""

    def words(self) -> str:
        music = ", and with it the music" if self.music else ""
        if self.address is not None:
            return f"stopped the broker at {self.address}, pid {self.pid} there{music}"
        return f"stopped{music}" if self.stopped else "no broker is running"


def stop_broker() -> Stopped:
    """Ask the broker to leave and wait until it is gone.

    With LOFI_BROKER set that is the one which it names, as for every command; this machine's own stays.
    Raises BrokerUnavailable if it does not leave.
    """
    elsewhere = os.environ.get(BROKER_VARIABLE)
    return _stop_elsewhere(elsewhere) if elsewhere else _stop_own()


def _stop_elsewhere(address: str) -> Stopped:
    with Lofi.connect(start=False, name="lofi") as lofi:
        music = _plays(lofi)
        pid = lofi.shutdown().pid
        if not lofi.wait_left(_LEAVE_SEC):
            raise BrokerUnavailable(f"the broker at {address} is still there after {_LEAVE_SEC:g} s")
    return Stopped(stopped=True, pid=pid, address=address, music=music)


def _plays(lofi: Lofi) -> bool:
    return lofi.playback().state != "stopped"


def _stop_own() -> Stopped:
    paths = find_paths(os.environ)
    found = find_broker(paths)
    if found is None:
        if wait_gone(paths, _LEAVE_SEC):
            return Stopped(stopped=False)
        raise BrokerUnavailable(f"a broker holds {paths.broker_lock}, but does not say where it listens")
    music = False
    if found.protocol == PROTOCOL:
        with Lofi.connect(start=False, name="lofi") as lofi:
            music = _plays(lofi)
            lofi.shutdown()
    else:  # it takes no request of this version
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
    if not wait_gone(paths, _LEAVE_SEC):
        raise BrokerUnavailable(f"the broker (pid {found.pid}) is still there after {_LEAVE_SEC:g} s")
    return Stopped(stopped=True, pid=found.pid, music=music)
