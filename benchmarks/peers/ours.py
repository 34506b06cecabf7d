"""lofi's engine, driven without its worker: a model folder, `slots` equal jobs side by side."""

import platform
import time
from pathlib import Path

import onnxruntime

from benchmarks.task import GUIDANCE, PROMPT, TOP_K, Measurement, Task, Track, peak_mib, run_task, since_start
from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_worker.engine import Engine
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings


def measure(task: Task) -> Measurement:
    imports, began = since_start(), time.perf_counter()
    engine = load_engine(read_model(Path(task.files)), task.slots, RunSettings(threads=task.threads))
    loaded = time.perf_counter()
    generate(engine, task.warm_up_sec)
    return Measurement(
        candidate=task.candidate,
        versions={"python": platform.python_version(), "onnxruntime": onnxruntime.__version__},
        imports=imports,
        load=loaded - began,
        tracks=[generate(engine, seconds) for seconds in task.tracks],
        peak_mib=peak_mib(),
        slots=task.slots,
    )


def generate(engine: Engine, seconds: int) -> Track:
    """One track in each slot, all at once. Raises the engine's error when one fails."""
    began = time.perf_counter()
    for slot in range(engine.slots):
        spec = JobSpec(
            prompt=PROMPT,
            duration_sec=seconds,
            seed=slot,
            model_version=engine.model_version,
            temperature=1.0,
            top_k=TOP_K,
            top_p=0.0,
            guidance_scale=GUIDANCE,
        )
        engine.start(slot, spec)
    first_audio = 0.0
    step_times: list[float] = []
    running = engine.slots
    last = time.perf_counter()
    while running:
        results = engine.step()
        for result in results:
            if result.error is not None:
                raise result.error
        now = time.perf_counter()
        step_times.append(now - last)
        last = now
        if not first_audio and any(result.audio is not None for result in results):
            first_audio = now - began
        running -= sum(result.finished for result in results)
    return Track(
        seconds=seconds, total=last - began, first_audio=first_audio, step_times=step_times, codec=0.0
    )


if __name__ == "__main__":
    run_task(measure)
