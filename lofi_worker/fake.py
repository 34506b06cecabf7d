"""An engine for tests that is scripted by its prompts, behind the same seam as the real one.

`slow 30` takes 30 s, `fail@3` fails at step 3, `crash` dies of SIGSEGV, `hang` never returns, `oom` runs
out of memory, `grow` and `grow-shared` keep 20 MB a step, `slow-load 5` starts
after 5 s. Anything else gives a tone that depends on the spec alone.
"""

from __future__ import annotations

import mmap
import os
import re
import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec, track_id
from lofi_common.manifest import Model
from lofi_worker.engine import Interrupted, StepResult

_STEPS = 100
_GROWTH = 20_000_000


@dataclass
class _Job:
    spec: JobSpec
    step_sec: float
    fail_at: int | None
    step: int = 0
    due: float = 0.0
    """When its next step ends, by the monotonic clock."""


class FakeEngine:
    """Needs no ONNX Runtime; loads at once."""

    device = "fake"
    sample_rate = 32_000
    channels = 1

    def __init__(self, model: Model, slots: int) -> None:
        self.model_version = model.version
        self.slots = slots
        self._jobs: dict[int, _Job] = {}
        self._interrupted = threading.Event()
        self._grown: list[NDArray[np.uint8] | mmap.mmap] = []

    def start(self, slot: int, spec: JobSpec) -> None:
        slow = re.search(r"\bslow ([\d.]+)", spec.prompt)
        fail = re.search(r"\bfail@(\d+)", spec.prompt)
        load = re.search(r"\bslow-load ([\d.]+)", spec.prompt)
        if load:
            time.sleep(float(load[1]))
        step_sec = float(slow[1]) / _STEPS if slow else 0.0
        self._jobs[slot] = _Job(
            spec, step_sec, fail_at=int(fail[1]) if fail else None, due=time.monotonic() + step_sec
        )

    def step(self) -> list[StepResult]:
        """Each job goes at its own pace: a slow one does not hold up its neighbours."""
        due = min((job.due for job in self._jobs.values()), default=0.0)
        if self._interrupted.wait(max(0.0, due - time.monotonic())):
            self._interrupted.clear()
            raise Interrupted
        now = max(due, time.monotonic())
        return [self._advance(slot, job) for slot, job in list(self._jobs.items()) if job.due <= now]

    def stop(self, slot: int) -> None:
        del self._jobs[slot]

    def interrupt(self) -> None:
        self._interrupted.set()

    def _advance(self, slot: int, job: _Job) -> StepResult:
        job.step += 1
        job.due = time.monotonic() + job.step_sec
        match job.spec.prompt.split()[0]:
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                threading.Event().wait()
            case "oom":
                raise MemoryError("the prompt asked for it")
            case "grow":
                self._grown.append(np.ones(_GROWTH, np.uint8))
            case "grow-shared":  # what RLIMIT_DATA does not count
                shared = mmap.mmap(-1, _GROWTH)
                shared.write(bytes(_GROWTH))
                self._grown.append(shared)
        if job.step == job.fail_at:
            del self._jobs[slot]
            error = ModelInferenceFailed(f"scripted failure at step {job.step}")
            return StepResult(slot, job.step, _STEPS, None, False, error)
        if job.step < _STEPS:
            return StepResult(slot, job.step, _STEPS, None, False, None)
        del self._jobs[slot]
        return StepResult(slot, job.step, _STEPS, _tone(job.spec, self.sample_rate), True, None)


def _tone(spec: JobSpec, sample_rate: int) -> NDArray[np.float32]:
    """float32 [1, duration × sample_rate]; its pitch comes from the track id."""
    hertz = 200 + int(track_id(spec), 16) % 400
    seconds = np.arange(spec.duration_sec * sample_rate) / sample_rate
    return np.float32(0.1) * np.sin(2 * np.pi * hertz * seconds).astype(np.float32)[np.newaxis]
