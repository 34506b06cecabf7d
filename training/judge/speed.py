"""Times of a model folder in a fresh process with two threads: loading, the first track, a warm one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys, time
from pathlib import Path
started = time.perf_counter()
from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_worker.musicgen.load import load_engine
imported = time.perf_counter()
model = read_model(Path(sys.argv[1]))
engine = load_engine(model, slots=1, threads=2)
loaded = time.perf_counter()
how = model.manifest.sampling
times = []
for seed in range(4):
    began = time.perf_counter()
    engine.start(0, JobSpec(prompt="slow piano, rain, soft drums", duration_sec=20, seed=seed,
    model_version=model.version,
        temperature=how.temperature, top_k=how.top_k, top_p=how.top_p, guidance_scale=how.guidance_scale))
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
print(json.dumps({"import": imported - started, "load": loaded - imported, "first": times[0], "warm":
sorted(times[1:])[1],
    "cold_in_all": loaded - started + times[0]}))
"""


def measure_speed(folder: Path) -> dict[str, float]:
    """Seconds: import, load, first, warm (20 s of audio each) and cold_in_all. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file and in all."""
    found = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    return found | {"total": sum(found.values())}
