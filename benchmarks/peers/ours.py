"""lofi's engine, driven without its worker, by the worker's defaults: `slots` equal jobs side by side."""

import os
import platform
import time
from pathlib import Path

import msgspec
import onnxruntime

from benchmarks.peers.process import run
from benchmarks.task import FRAMES_PER_SECOND, GUIDANCE, PROMPT, TOP_K, Span, Task, Track, Window
from lofi_common.config import WorkerConfig
from lofi_common.manifest import read_model
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings


class Ours:
    """The engine with its model, all slots free."""

    def __init__(self, task: Task) -> None:
        defaults = WorkerConfig()
        os.nice(defaults.nice)
        settings = RunSettings(threads=task.threads, device="cpu", spin=defaults.spin)
        self._model = read_model(Path(task.files))
        self._engine = load_engine(self._model, task.slots, settings)
        self._frames = 0
        """Of all tracks together that are complete."""

    def track(self, seconds: int) -> Track:
        """One track in each slot, all at once. Raises the engine's error when one fails."""
        began = time.perf_counter()
        self._start(seconds)
        first_audio = 0.0
        step_times: list[float] = []
        running = self._engine.slots
        last = time.perf_counter()
        while running:
            audio, finished = self._step()
            now = time.perf_counter()
            step_times.append(now - last)
            last = now
            if not first_audio and audio:
                first_audio = now - began
            running -= finished
        return Track(
            seconds=seconds, total=last - began, first_audio=first_audio, step_times=step_times, codec=0.0
        )

    def window(self, span: Span) -> Window:
        """The steps before it run too. Raises the engine's error.

        A step has passed when the tracks have come a frame further on average: of several, some wait for
        their codec while others go on.
        """
        self._start(span.last // FRAMES_PER_SECOND + 1)
        times = []
        for step in range(1, span.last + 1):
            began = time.perf_counter()
            while self._frames < step * self._engine.slots:
                self._step()
            times.append(time.perf_counter() - began)
        for slot in range(self._engine.slots):
            self._engine.stop(slot)
        return Window(step_times=times[span.first :], codec=0.0)

    def _start(self, seconds: int) -> None:
        self._frames = 0
        for slot in range(self._engine.slots):
            job = self._model.job(PROMPT, seconds, seed=slot)
            equal = msgspec.structs.replace(
                job, temperature=1.0, top_k=TOP_K, top_p=0.0, guidance_scale=GUIDANCE
            )
            self._engine.start(slot, equal)

    def _step(self) -> tuple[bool, int]:
        """One step of the engine: whether there was audio, and how many tracks it finished."""
        results = self._engine.step()
        for result in results:
            if result.error is not None:
                raise result.error
        self._frames = sum(result.frames for result in results)
        return any(result.audio is not None for result in results), sum(each.finished for each in results)


if __name__ == "__main__":
    run(Ours, {"python": platform.python_version(), "onnxruntime": onnxruntime.__version__})
