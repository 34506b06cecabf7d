"""How much memory a worker may take."""

from __future__ import annotations

import os
from pathlib import Path

from lofi_common.manifest import Manifest

_MIB = 2**20
_ROOM = 1024 * _MIB
"""For Python, ONNX Runtime, the codec's activations and a long prompt. Audio takes none of it: it goes to
disk as it comes."""
_COPIES = 3
"""Of the weights: the file's pages, and what a graph optimizer makes of them while it loads."""
_SHARE = 0.8
"""Of the machine's memory, at most, for all workers."""
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_VMSTAT = Path("/proc/vmstat")


def machine_memory() -> int:
    """Bytes of memory that there are for this process: the machine's, or its container's."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        text = _CGROUP_LIMIT.read_text().strip()
    except OSError:  # no container, or another system
        return found
    return min(found, int(text)) if text.isdecimal() else found


def cache_bytes(manifest: Manifest, slots: int) -> int:
    """Bytes of the KV caches of all slots in float32, as far as the longest track uses them."""
    decoder = manifest.decoder
    row = decoder.layers * 2 * decoder.heads * decoder.max_steps * decoder.head_dim * 4
    return 2 * slots * row


def memory_limit(manifest: Manifest, slots: int, max_rss_mb: int, machine: int, workers: int) -> int:
    """Bytes that one of `workers` may take: what is set (in MB), or by the model's size and the machine's."""
    if max_rss_mb:
        return max_rss_mb * 1_000_000
    weights = sum(file.bytes for file in manifest.files.values())
    return min(_COPIES * weights + cache_bytes(manifest, slots) + _ROOM, int(_SHARE * machine) // workers)


def most_slots(manifest: Manifest, limit: int) -> int:
    """Slots whose caches fit beside the model's weights into `limit` bytes; 1 at least."""
    weights = sum(file.bytes for file in manifest.files.values())
    return max(1, (limit - weights) // cache_bytes(manifest, 1))


def kernel_kills() -> int:
    """Processes of this machine that the kernel has ended for want of memory; 0 where it does not tell."""
    try:
        lines = _VMSTAT.read_text().splitlines()
    except OSError:  # not Linux
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
