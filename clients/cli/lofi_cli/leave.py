"""Stopping the broker: asked for, then waited for."""

from __future__ import annotations

import os

from lofi_client import Lofi
from lofi_client.launch import find_broker, wait_gone
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import find_paths

_LEAVE_SEC = 15.0


def stop_broker() -> str:
    """Ask the broker to leave and wait until it is gone. Raises BrokerUnavailable if it stays."""
    paths = find_paths(os.environ)
    found = find_broker(paths)
    if found is None:
        if wait_gone(paths, _LEAVE_SEC):
            return "no broker is running"
        raise BrokerUnavailable(f"a broker holds {paths.broker_lock}, but does not say where it listens")
    with Lofi.connect(start=False, name="lofi") as lofi:
        lofi.shutdown()
    if not wait_gone(paths, _LEAVE_SEC):
        raise BrokerUnavailable(f"the broker (pid {found.pid}) is still there after {_LEAVE_SEC:g} s")
    return "stopped"
