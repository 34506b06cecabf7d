"""How long until a track can be heard, with its model loaded, in the product with its defaults.

    python -m benchmarks.first_sound [FOLDER] [--runs 5] [--threads N]

FOLDER: a model folder; without one, the starter model. From `generate` to the notification that the first
second of audio lies in the growing file; each track is cancelled then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import suppress

from benchmarks.task import PROMPT
from lofi_client import (
    GenerateParams,
    GenerationComplete,
    GenerationError,
    GenerationProgress,
    Lofi,
    LofiError,
)
from lofi_client.launch import wait_gone
from lofi_common.paths import find_paths

LEAST_SEC = 1.0
SECONDS = 30
WAIT_SEC = 300.0
LEAVE_SEC = 10.0


def first_sound(lofi: Lofi, seed: int) -> float:
    """Seconds until the first second of a track is there."""
    began = time.perf_counter()
    accepted = lofi.submit(GenerateParams(prompt=PROMPT, duration_sec=SECONDS, seed=seed))
    for told in lofi.follow(accepted, WAIT_SEC):
        match told:
            case GenerationProgress(audio_sec=audio_sec) if audio_sec >= LEAST_SEC:
                taken = time.perf_counter() - began
                lofi.cancel(accepted.track_id)
                return taken
            case GenerationComplete():
                return time.perf_counter() - began
            case GenerationError(message=message):
                sys.exit(f"the track failed: {message}")
    raise AssertionError("the track never ended")


def measure(runs: int) -> list[float]:
    """The times of so many tracks, after one that loads the model."""
    paths = find_paths(os.environ)
    with Lofi.connect(name="benchmark", paths=paths) as lofi:
        try:
            return [first_sound(lofi, seed) for seed in range(runs + 1)][1:]
        finally:
            with suppress(LofiError):  # what went wrong before is what counts
                lofi.shutdown()
            wait_gone(paths, LEAVE_SEC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="model folder; by default the starter")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="of the worker; 0 = its default")
    options = parser.parse_args()
    home = tempfile.mkdtemp(prefix="lofi-")  # sockets need a short path
    os.environ |= {"LOFI_HOME": home, "LOFI_WORKER_THREADS": str(options.threads)}
    if options.folder is not None:
        os.environ["LOFI_MODEL_FOLDER"] = os.path.abspath(options.folder)
    try:
        times = sorted(measure(options.runs))
    finally:
        shutil.rmtree(home, ignore_errors=True)  # of a broker that is still leaving
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {len(times)} runs")
    print(f"first second after {statistics.median(times):.2f} s   {times[0]:.2f} … {times[-1]:.2f}")


if __name__ == "__main__":
    main()
