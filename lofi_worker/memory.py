"""Bounds on a worker's memory, so that it is the worker that fails, and neither the broker nor the editor."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import psutil

from lofi_common.logs import fields

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

_OOM_SCORE = 500
"""Of 1,000: among processes of like size, Linux ends this one first."""
_SCORE_FILE = Path("/proc/self/oom_score_adj")


def offer_to_the_kernel() -> None:
    """From now on Linux ends this process before others when memory runs out.

    A wish, not a bound: where it is not granted, the log says so.
    """
    if sys.platform != "linux":
        return
    try:
        if int(_SCORE_FILE.read_text()) < _OOM_SCORE:
            _SCORE_FILE.write_text(str(_OOM_SCORE))
    except OSError as error:
        log.warning(fields("oom_score_unchanged", reason=error))


def bound_memory(limit: int) -> None:
    """From now on, allocations that lead over `limit` bytes fail instead of taking the machine's memory.

    Called once the model is loaded: what loading maps and does not use, the caches among it, is left out of
    the account, and a model that is too large is told by its size, not by whatever allocation failed. Only
    Linux counts mapped memory against RLIMIT_DATA; elsewhere the broker's look at the RSS is the bound.
    """
    if sys.platform != "linux":
        return
    memory = psutil.Process().memory_info()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory.data + max(0, limit - memory.rss)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
