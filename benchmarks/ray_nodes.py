"""What a second node gives, and what Ray costs: batches on clusters of one and of two nodes with a core each.

    python -m benchmarks.ray_nodes [--rounds 3] [--tracks 40] [--seconds 30] [--slots 1]

The nodes are on this machine, each with its processes on a core of its own; the driver and what is left of
the machine have the others. The time of a batch is that of its rows, from the first to the last one, without
the start of cluster, driver and actors, which are told apart.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.batch import PROMPTS
from lofi_batch.ray_cluster import import_ray
from tests.support.cluster import Nodes, nodes_on


@dataclass
class Measured:
    """seconds: from the start of the command to the first row that ends, and from there to the last row."""

    first_sec: float
    rows_sec: float
    start_cpu_sec: float
    """Of the driver's CPU time, until the first row."""
    driver_ms: float
    """Of its CPU time for each further row, and for as long as it waited."""
    driver_mb: float
    actor_mb: list[float]
    node_mb: list[float]
    """Of Ray's own processes on a node."""


def batch(nodes: Nodes, root: Path, prompts: Path, seconds: int, slots: int) -> Measured:
    """One batch of all prompts."""
    folder = Path(tempfile.mkdtemp(dir=root))
    command = [sys.executable, "-m", "lofi_batch.main", str(prompts), "-o", str(folder), "-d", str(seconds)]
    command += ["--engine", "ray", "--address", nodes.address, "--slots", str(slots), "--json", "--quiet"]
    environ = {**os.environ, "LOFI_HOME": str(root / "driver")}
    began = time.perf_counter()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        process = psutil.Process(driver.pid)
        times, cpu, rss = [], [], 0.0
        actors: list[float] = []
        for line in driver.stdout:
            if json.loads(line)["event"] != "row":
                continue
            times.append(time.perf_counter())
            rss = process.memory_info().rss / 1e6
            cpu.append(sum(process.cpu_times()[:2]))
            if len(times) % 10 == 5:
                actors = [each.memory_full_info().uss / 1e6 for each in nodes.actors()]
        own = [sum(each.memory_full_info().uss / 1e6 for each in nodes.services(n)) for n in nodes.there]
    assert driver.returncode == 0
    shutil.rmtree(folder)
    each = 1000 * (cpu[-1] - cpu[0]) / (len(cpu) - 1)
    return Measured(times[0] - began, times[-1] - times[0], cpu[0], each, rss, actors, own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--slots", type=int, default=1)
    arguments = parser.parse_args()
    import_ray()
    logging.getLogger("ray").setLevel(logging.ERROR)
    root = Path(tempfile.mkdtemp(prefix="lofi-"))
    prompts = root / "prompts.txt"
    rows = range(1, arguments.tracks + 1)
    prompts.write_text("".join(f"{PROMPTS[row % len(PROMPTS)]}, take {row}\n" for row in rows))
    found: dict[int, list[Measured]] = {1: [], 2: []}
    starts = []
    try:
        for number in range(arguments.rounds):
            for count in (1, 2) if number % 2 == 0 else (2, 1):
                began = time.perf_counter()
                with nodes_on(Path(tempfile.mkdtemp(dir=root)), count, pinned=True) as nodes:
                    starts.append(time.perf_counter() - began)
                    found[count].append(batch(nodes, root, prompts, arguments.seconds, arguments.slots))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    report(found, starts, arguments.tracks, arguments.seconds)


def report(found: dict[int, list[Measured]], starts: list[float], tracks: int, seconds: int) -> None:
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {len(found[1])} rounds")
    print(f"a cluster starts in {statistics.median(starts):.1f} s")
    base = statistics.median(each.rows_sec for each in found[1])
    for count, runs in found.items():
        # The first row that ends is not in the time of the rows.
        rows_sec = statistics.median(each.rows_sec for each in runs)
        spread = f"{min(each.rows_sec for each in runs):.1f} … {max(each.rows_sec for each in runs):.1f}"
        per_hour = 3600 * (tracks - 1) / rows_sec
        first = statistics.median(each.first_sec for each in runs)
        driver_ms = statistics.median(each.driver_ms for each in runs)
        print(
            f"{count} node(s): {rows_sec:.1f} s ({spread}), {per_hour:.0f} tracks of {seconds} s an hour,"
            f" {base / rows_sec:.2f} × one node; first row after {first:.1f} s;"
            f" driver {runs[-1].start_cpu_sec:.1f} s of CPU to start, {driver_ms:.1f} ms a row,"
            f" {runs[-1].driver_mb:.0f} MB"
        )
    last = found[2][-1]
    actors = ", ".join(f"{size:.0f}" for size in last.actor_mb)
    services = ", ".join(f"{size:.0f}" for size in last.node_mb)
    print(f"own memory of each actor: {actors} MB; of Ray's processes on each node: {services} MB")


if __name__ == "__main__":
    main()
