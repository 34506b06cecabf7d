"""How fast the engine is on this machine, for one model folder.

    python -m benchmarks.engine FOLDER [--seconds 20] [--threads 2] [--slots 1 2 4 8] [--steps 50 500 1500]
                                [--runs 5] [--no-spin]

Prints the time from the start until all is imported, and to load and, for each number of tracks side by side,
over all runs but the first: milliseconds per step of the decoder (steps that also run the codec are apart),
all of them and those around some steps; seconds of audio per second; and the peak of resident memory so far.
"""

import argparse
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.task import PROMPT, peak_mb, since_start
from lofi_common.config import WorkerConfig
from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_worker.engine import Engine
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings

AROUND = 25  # steps to each side of one that is asked for, whose median is given


@dataclass
class Timing:
    """Seconds that one run over all slots took, and where they went."""

    text: float = 0.0
    steps: dict[int, float] = field(default_factory=dict)
    """By their numbers."""
    steps_with_audio: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        return self.text + sum(self.steps.values()) + sum(self.steps_with_audio)


def main() -> None:
    imported = since_start()
    arguments = parse()
    model = read_model(arguments.folder)
    settings = RunSettings(threads=arguments.threads, spin=arguments.spin)
    print(f"model          {model.version}")
    print(f"import         {imported:8.3f} s")
    for slots in arguments.slots:
        began = time.perf_counter()
        engine = load_engine(model, slots, settings)
        print(f"\nslots          {slots:8}")
        print(f"load           {time.perf_counter() - began:8.3f} s")
        print(f"memory, peak   {peak_mb():8.0f} MB, loaded")
        jobs = [model.job(PROMPT, arguments.seconds, seed) for seed in range(arguments.runs + 1)]
        timings = [measure(engine, job) for job in jobs]
        report(timings, slots * arguments.seconds, arguments.steps)
        del engine


def measure(engine: Engine, job: JobSpec) -> Timing:
    """Runs the job in every slot at once. Raises the engine's error.

    With several slots the codec works beside the steps, some of which then move only some of the tracks.
    """
    timing = Timing()
    began = time.perf_counter()
    for slot in range(engine.slots):
        engine.start(slot, job)
    timing.text = time.perf_counter() - began
    running, number = engine.slots, 0
    while running:
        began = time.perf_counter()
        results = engine.step()
        took = time.perf_counter() - began
        for result in results:
            if result.error is not None:
                raise result.error
        if any(result.audio is not None for result in results):
            timing.steps_with_audio.append(took)
        else:
            timing.steps[number] = took
        number += 1
        running -= sum(result.finished for result in results)
    return timing


def report(timings: list[Timing], audio_seconds: int, places: list[int]) -> None:
    first, *rest = timings
    total = statistics.median(timing.total for timing in rest)
    step = statistics.median(step for timing in rest for step in timing.steps.values())
    audio = statistics.median(sum(timing.steps_with_audio) for timing in rest)
    print(f"first run      {first.total:8.3f} s")
    print(f"run            {total:8.3f} s for {audio_seconds} s of audio")
    print(f"text           {1000 * statistics.median(timing.text for timing in rest):8.2f} ms")
    print(f"step           {1000 * step:8.2f} ms")
    for place in places:
        around = range(place - AROUND, place + AROUND)
        near = [t.steps[number] for t in rest for number in around if number in t.steps]
        if place <= max(first.steps):
            print(f"step {place:<6}    {1000 * statistics.median(near):8.2f} ms")
    print(f"audio          {1000 * audio:8.2f} ms in {len(first.steps_with_audio)} steps that give audio")
    print(f"real time      {audio_seconds / total:8.1f} x")
    print(f"memory, peak   {peak_mb():8.0f} MB")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the engine on one model folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=20, help="length of each track")
    parser.add_argument("--threads", type=int, default=2, help="threads of a graph's run")
    parser.add_argument("--slots", type=int, nargs="+", default=[1], help="tracks side by side")
    parser.add_argument("--steps", type=int, nargs="*", default=[50, 500], help="steps to look at")
    parser.add_argument("--runs", type=int, default=5, help="measured runs, after a first one")
    spin = WorkerConfig().spin
    parser.add_argument(
        "--spin", action=argparse.BooleanOptionalAction, default=spin, help="waiting threads spin"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
