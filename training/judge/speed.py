"""Times of a model folder in a fresh process on two cores: loading, the first track, a warm one; its size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from training.judge.statistics import Figure, mean, single

RUNS = 3
PROGRAM = """
import json, os, sys, time
from pathlib import Path
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
started = time.perf_counter()
from lofi_common.manifest import read_model
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings
imported = time.perf_counter()
model = read_model(Path(sys.argv[1]))
engine = load_engine(model, slots=1, settings=RunSettings(threads=2))
loaded = time.perf_counter()
times = []
for seed in range(4):
    began = time.perf_counter()
    engine.start(0, model.job("slow piano, rain, brushes", 20, seed))
    samples = 0
    while True:
        result = engine.step()[0]
        samples += 0 if result.audio is None else result.audio.shape[1]
        if result.error is not None:
            raise SystemExit(str(result.error))
        if result.finished:
            break
    assert samples == 20 * engine.sample_rate, samples
    times.append(time.perf_counter() - began)
print(json.dumps({"import_seconds": imported - started, "load_seconds": loaded - imported,
    "warm_seconds": sorted(times[1:])[1], "cold_seconds": loaded - started + times[0]}))
"""


def _measure(folder: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure_speed(folder: Path) -> dict[str, Figure]:
    """Seconds of import, loading, a warm track of 20 s, and all of it with the first track in a new process.

    Means over RUNS processes. Raises CalledProcessError.
    """
    runs = [_measure(folder) for _ in range(RUNS)]
    return {name: mean([run[name] for run in runs]) for name in runs[0]}


def sizes(folder: Path) -> dict[str, Figure]:
    """Megabytes of each file and in all."""
    found = {path.name: path.stat().st_size / 1e6 for path in sorted(folder.iterdir()) if path.is_file()}
    figures = {f"megabytes_{name}": single(size) for name, size in found.items()}
    return figures | {"megabytes": single(sum(found.values()))}
