"""No worker outlives its broker: end of file on stdin and, on Linux, the parent-death signal end it."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import time

from lofi_common.messages import BrokerMessage, Shutdown

_PR_SET_PDEATHSIG = 1
_GRACE_SEC = 0.5


def follow_parent(orders: queue.SimpleQueue[BrokerMessage]) -> None:
    """From now on this process leaves within a second of its parent.

    The signal alone covers a process that holds the GIL; stdin covers systems without the signal.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    threading.Thread(target=_watch_stdin, args=(orders,), name="stdin-watch", daemon=True).start()


def _watch_stdin(orders: queue.SimpleQueue[BrokerMessage]) -> None:
    while os.read(0, 4096):
        continue
    orders.put(Shutdown(reason="the broker closed stdin"))
    time.sleep(_GRACE_SEC)
    os._exit(1)  # in the middle of a step that does not end: nobody waits for it any more
