"""How fast the engine is on this machine, for one model folder.

    python benchmarks/engine.py FOLDER [--seconds 20] [--threads 2] [--slots 1] [--runs 5]

Prints the time to import and to load and, over all runs but the first: milliseconds per step of the decoder
(steps that also run the codec are apart), seconds of audio per second, and the peak of resident memory.
"""

import argparse
import resource
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lofi_common.jobs import JobSpec
    from lofi_worker.engine import Engine

PROMPT = "slow lo-fi beat at 80 bpm, warm electric piano, soft drums, vinyl crackle and rain"


@dataclass
class Timing:
    """Seconds that one run over all slots took, and where they went."""

    text: float = 0.0
    steps: list[float] = field(default_factory=list)
    steps_with_audio: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        return self.text + sum(self.steps) + sum(self.steps_with_audio)


def main() -> None:
    arguments = parse()
    began = time.perf_counter()
    from lofi_common.jobs import JobSpec
    from lofi_common.manifest import read_model
    from lofi_worker.musicgen.load import load_engine

    imported = time.perf_counter()
    model = read_model(arguments.folder)
    engine = load_engine(model, arguments.slots, arguments.threads)
    loaded = time.perf_counter()
    print(f"model          {engine.model_version}")
    print(f"import         {imported - began:8.3f} s")
    print(f"load           {loaded - imported:8.3f} s")
    print(f"memory, idle   {peak_mib():8.0f} MiB")

    defaults = model.manifest.sampling
    timings = []
    for run in range(arguments.runs + 1):
        job = JobSpec(
            prompt=PROMPT,
            duration_sec=arguments.seconds,
            seed=run,
            model_version=engine.model_version,
            temperature=defaults.temperature,
            top_k=defaults.top_k,
            top_p=defaults.top_p,
            guidance_scale=defaults.guidance_scale,
        )
        timings.append(measure(engine, job))
    report(timings, arguments.slots * arguments.seconds)


def measure(engine: "Engine", job: "JobSpec") -> Timing:
    """Runs the job in every slot at once."""
    timing = Timing()
    began = time.perf_counter()
    for slot in range(engine.slots):
        engine.start(slot, job)
    timing.text = time.perf_counter() - began
    running = engine.slots
    while running:
        began = time.perf_counter()
        results = engine.step()
        took = time.perf_counter() - began
        with_audio = any(result.audio is not None for result in results)
        (timing.steps_with_audio if with_audio else timing.steps).append(took)
        running -= sum(result.finished for result in results)
        for result in results:
            if result.error is not None:
                sys.exit(str(result.error))
    return timing


def report(timings: list[Timing], audio_seconds: int) -> None:
    first, *rest = timings
    total = statistics.median(timing.total for timing in rest)
    step = statistics.median(step for timing in rest for step in timing.steps)
    audio = statistics.median(sum(timing.steps_with_audio) for timing in rest)
    print(f"first run      {first.total:8.3f} s")
    print(f"run            {total:8.3f} s for {audio_seconds} s of audio")
    print(f"text           {1000 * statistics.median(timing.text for timing in rest):8.2f} ms")
    print(f"step           {1000 * step:8.2f} ms")
    print(f"audio          {1000 * audio:8.2f} ms in {len(first.steps_with_audio)} steps that give audio")
    print(f"real time      {audio_seconds / total:8.1f} x")
    print(f"memory, peak   {peak_mib():8.0f} MiB")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the engine on one model folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=20, help="length of each track")
    parser.add_argument("--threads", type=int, default=2, help="threads of a graph's run")
    parser.add_argument("--slots", type=int, default=1, help="tracks side by side")
    parser.add_argument("--runs", type=int, default=5, help="measured runs, after a first one")
    return parser.parse_args()


def peak_mib() -> float:
    """The largest resident memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    main()
