"""What long tracks cost, for one model folder: time and memory by the track's length.

    python -m benchmarks.long FOLDER [--seconds 30 120 600] [--threads 2]

Makes a track of each length in a process of its own, without keeping its audio, and prints: seconds by the
clock and of the processor, their ratio to the first length's, the peak of resident memory, and the load of
the machine, since the clock means little on a busy one. Goal: 120 s cost at most 4.6 times what 30 s do.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.task import PROMPT, peak_mb
from lofi_common.manifest import read_model
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings

SEED = 1


def make(folder: Path, seconds: int, threads: int) -> None:
    """Prints seconds by the clock, of the processor, and the peak of memory in MB."""
    model = read_model(folder)
    engine = load_engine(model, 1, RunSettings(threads=threads))
    clock, processor = time.perf_counter(), time.process_time()
    engine.start(0, model.job(PROMPT, seconds, SEED))
    results = engine.step()
    while not results[-1].finished:
        results = engine.step()
        if results[-1].error is not None:
            raise results[-1].error
    print(time.perf_counter() - clock, time.process_time() - processor, peak_mb())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 120, 600])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make is not None:
        make(arguments.folder, arguments.make, arguments.threads)
        return
    print(f"{'track':>8} {'clock':>9} {'processor':>10} {'ratio':>6} {'ratio':>6} {'memory':>9}  load")
    first: tuple[float, float] | None = None
    for seconds in arguments.seconds:
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "benchmarks.long", str(arguments.folder)]
        options = ["--threads", str(arguments.threads), "--make", str(seconds)]
        done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
        clock, processor, memory = map(float, done.stdout.split())
        first = first or (clock, processor)
        print(
            f"{seconds:6} s {clock:7.1f} s {processor:8.1f} s {clock / first[0]:6.2f}"
            f" {processor / first[1]:6.2f} {memory:6.0f} MB  {load:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
