"""No worker outlives its broker: end of file on stdin and, on Linux, the parent-death signal end it.

Light to import: `die_with_parent` comes before everything in a worker that takes long.
"""

from __future__ import annotations

import ctypes
import os
import queue
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lofi_common.messages import BrokerMessage

_PR_SET_PDEATHSIG = 1
_GRACE_SEC = 0.5


def die_with_parent() -> None:
    """From now on, on Linux, the kernel ends this process with its parent; if that is gone already, leave.

    The signal alone covers a process that holds the GIL.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    stdin = select.poll()
    stdin.register(0, 0)  # hang-ups only: the other end of the pipe was the parent's
    if any(event & select.POLLHUP for _, event in stdin.poll(0)):
        sys.exit(1)


def follow_parent(orders: queue.SimpleQueue[BrokerMessage]) -> None:
    """From now on this process leaves within a second of its parent."""
    die_with_parent()
    follow_stdin(orders)


def follow_stdin(orders: queue.SimpleQueue[BrokerMessage]) -> None:
    """From now on this process leaves within a second of the end of its stdin.

    This covers systems without the signal of `die_with_parent`, and a parent that closes it in order.
    """
    threading.Thread(target=_watch_stdin, args=(orders,), name="stdin-watch", daemon=True).start()


def _watch_stdin(orders: queue.SimpleQueue[BrokerMessage]) -> None:
    from lofi_common.messages import Shutdown

    while os.read(0, 4096):
        continue
    orders.put(Shutdown(reason="the broker closed stdin"))
    time.sleep(_GRACE_SEC)
    os._exit(1)  # in the middle of a step that does not end: nobody waits for it any more
