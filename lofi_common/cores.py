"""What inference takes of a machine: how many of its cores, and in which environment."""

import os

MOST_THREADS = 4
"""A step reads all weights once: more threads wait for the memory bus together."""

HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""The environment of processes that run or import models: glibc asks the kernel for pages of 2 MiB, and a
step, which reads all weights, takes 6 % less. Whoever has set tunables of their own keeps them."""


def usable_cores() -> int:
    """Cores that this process may run on; macOS does not tell, so all of the machine's there."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def inference_threads(cores: int) -> int:
    """Threads for inference where nothing else is asked for: at most MOST_THREADS, and of more than two
    cores one stays with the editor."""
    return max(min(cores, 2), min(cores - 1, MOST_THREADS))
