"""What machine this is, and how fast it reads memory.

    python -m benchmarks.machine [--threads 2]

The limit of a decoder step is reading all weights once. Dot products of a large float32 array with itself
read as fast as this needs: one multiplication for four bytes, in NumPy's vector kernels, without the GIL.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import psutil

READ_BYTES = 2**29  # beyond any cache
REPEATS = 8
CPUINFO = Path("/proc/cpuinfo")
TELLING_FLAGS = re.compile(r"avx.*|amx.*|fma|f16c|asimd.*|sve.*|i8mm|bf16")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    cpu: str
    cores: int
    """All that the system shows."""
    used_cores: list[int]
    """Those that the benchmark may run on; empty where the system does not say."""
    flags: list[str]
    """The instruction sets that matter here."""
    memory_gib: float
    system: str
    load_average: float
    """Over the minute before the start: above 0, something else was running."""


def describe_machine() -> Machine:
    """This machine, without its name."""
    cpu, flags = _cpu()
    affinity = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return Machine(
        cpu=cpu,
        cores=os.cpu_count() or 1,
        used_cores=affinity,
        flags=[flag for flag in flags if TELLING_FLAGS.fullmatch(flag)],
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        load_average=round(os.getloadavg()[0], 2),
    )


def _cpu() -> tuple[str, list[str]]:
    """The processor's name and its feature flags."""
    if CPUINFO.exists():
        lines = [line.partition(":") for line in CPUINFO.read_text().splitlines()]
        fields = {key.strip(): value.strip() for key, _, value in reversed(lines)}
        return fields.get("model name", platform.machine()), fields.get("flags", "").split()
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(), []


def read_bandwidth(threads: int) -> float:
    """GB/s that `threads` threads read at once: the best of some runs, since others only ever slow it."""
    length = READ_BYTES // 4 // threads
    parts = [np.ones(length, np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        best = 0.0
        for _ in range(REPEATS):
            began = time.perf_counter()
            list(pool.map(lambda part: float(part @ part), parts))
            best = max(best, 4 * length * threads / (time.perf_counter() - began) / 1e9)
    return best


def measure_bandwidth(threads: int) -> float:
    """`read_bandwidth` in a process of its own, in which NumPy starts no threads besides."""
    command = [sys.executable, "-m", "benchmarks.machine", "--threads", str(threads)]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    print(f"{read_bandwidth(parser.parse_args().threads):.2f}")


if __name__ == "__main__":
    main()
