"""Many tracks: side by side, one after the other, and by a loop in the shell; medians of interleaved runs.

    taskset -c 2,3 python -m benchmarks.batch [--rounds 3] [--tracks 24] [--seconds 20] [--slots 8]

Each run has a home of its own, whose broker runs and has made one track before the clock starts. slots N:
`lofi-batch --slots N`, which begins with a new worker where N is not 1. loop: `lofi-submit` once for each
prompt. All of them make the same tracks.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lofi_batch.plan import seed_of

PROMPTS = (
    "rainy night, mellow rhodes, slow",
    "sunny morning, nylon guitar, brushed drums",
    "late train, felt piano, vinyl crackle",
    "quiet library, soft bells, 70 bpm",
)


class Run:
    """One home and its broker."""

    def __init__(self, tracks: int, seconds: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="lofi-"))
        self.prompts = [f"{PROMPTS[row % len(PROMPTS)]}, take {row}" for row in range(1, tracks + 1)]
        self.seconds = str(seconds)
        self._environ = {**os.environ, "LOFI_HOME": str(self.root / "home")}

    def command(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        subprocess.run(command, check=True, capture_output=True, env=self._environ, stdin=subprocess.DEVNULL)

    def warm(self) -> None:
        self.command("lofi_cli.submit", "warm", "-d", "5", "--seed", "1")

    def batch(self, slots: int) -> None:
        prompts = self.root / "prompts.txt"
        prompts.write_text("".join(f"{prompt}\n" for prompt in self.prompts))
        folder = str(self.root / "out")
        self.command("lofi_batch.main", str(prompts), "-o", folder, "-d", self.seconds, f"--slots={slots}")

    def loop(self) -> None:
        folder = self.root / "out"
        folder.mkdir()
        for row, prompt in enumerate(self.prompts, 1):
            seed = str(seed_of(0, row))
            output = str(folder / f"{row}.wav")
            self.command("lofi_cli.submit", prompt, "-d", self.seconds, "--seed", seed, "-o", output)

    def close(self) -> None:
        self.command("lofi_cli.main", "broker", "stop")
        shutil.rmtree(self.root)


def measure(kind: str, tracks: int, seconds: int) -> float:
    """Seconds that all tracks take."""
    run = Run(tracks, seconds)
    try:
        run.warm()
        began = time.perf_counter()
        if kind == "loop":
            run.loop()
        else:
            run.batch(int(kind.removeprefix("slots ")))
        return time.perf_counter() - began
    finally:
        run.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=24)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--slots", type=int, default=8)
    arguments = parser.parse_args()
    kinds = [f"slots {arguments.slots}", "slots 1", "loop"]
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(arguments.rounds):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            found[kind].append(measure(kind, arguments.tracks, arguments.seconds))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {arguments.rounds} rounds")
    audio = arguments.tracks * arguments.seconds
    base = statistics.median(found["slots 1"])
    for kind, times in found.items():
        median = statistics.median(times)
        told = f"median {median:.1f} s ({min(times):.1f} … {max(times):.1f})"
        print(f"{kind:8} {told}, {audio / median:.1f} × real time, {base / median:.2f} × as fast as slots 1")


if __name__ == "__main__":
    main()
