"""Bounds on a worker's memory, so that it is the worker that fails, and neither the broker nor the editor."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

_OOM_SCORE = 500
"""Of 1,000: among processes of like size, Linux ends this one first."""


def bound_memory(limit: int, reserved: int) -> None:
    """From now on, allocations that lead far over `limit` bytes fail instead of taking the machine's memory.

    `reserved`: bytes of address space for caches that are mapped, but used only as far as tracks get. Only
    Linux counts mapped memory against RLIMIT_DATA; elsewhere the broker's look at the RSS is the bound.
    """
    if sys.platform != "linux":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit + reserved
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))
