"""How many processor cores there are to use, and how many inference takes of them."""

import os

MOST_THREADS = 4
"""A step reads all weights once: more threads wait for the memory bus together."""


def usable_cores() -> int:
    """Cores that this process may run on; macOS does not tell, so all of the machine's there."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def inference_threads(cores: int) -> int:
    """Threads for inference where nothing else is asked for: at most MOST_THREADS, and of more than two
    cores one stays with the editor."""
    return max(min(cores, 2), min(cores - 1, MOST_THREADS))
