"""An engine for tests that is scripted by its prompts, behind the same seam as the real one.

`slow 30` takes 30 s, `fail@3` fails at step 3, `crash` dies of SIGSEGV, `hang` never returns, `oom` runs
out of memory, `grow` and `grow-shared` keep 20 MB a step, `slow-load 5` starts
after 5 s. Anything else gives a tone that depends on the spec alone; the tone of a segment depends on its
prompt and seed, and goes on where the one before it ended. Its bars last 2 s.
"""

from __future__ import annotations

import mmap
import os
import re
import signal
import threading
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec, track_id
from lofi_common.manifest import Model
from lofi_worker.engine import Bar, Interrupted, Past, State, StepResult

_STEPS = 100
_STEPS_A_PIECE = 5
_BAR_SEC = 2
_PHASE = "state.phase"
_GROWTH = 20_000_000


@dataclass
class _Job:
    """A frame has two codes: the tone's Hertz, and of how many seconds it is a hundredth."""

    spec: JobSpec
    step_sec: float
    fail_at: int | None
    past: NDArray[np.int64]
    """The codes that come first."""
    seconds: int
    """Of new audio."""
    phase: int
    """Of the tone's period, in parts of 1 / sample rate."""
    step: int = 0
    due: float = 0.0
    """When its next step ends, by the monotonic clock."""


class FakeEngine:
    """Needs no ONNX Runtime; loads at once. The model's sample rate is a multiple of 100 Hz."""

    device = "fake"
    channels = 1
    tells_bars = True

    def __init__(self, model: Model, slots: int) -> None:
        self.model_version = model.version
        self.slots = slots
        self.sample_rate = model.manifest.codec.sample_rate
        self._jobs: dict[int, _Job] = {}
        self._interrupted = threading.Event()
        self._grown: list[NDArray[np.uint8] | mmap.mmap] = []

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        slow = re.search(r"\bslow ([\d.]+)", spec.prompt)
        fail = re.search(r"\bfail@(\d+)", spec.prompt)
        load = re.search(r"\bslow-load ([\d.]+)", spec.prompt)
        if load:
            time.sleep(float(load[1]))
        step_sec = float(slow[1]) / _STEPS if slow else 0.0
        codes, phase, seconds = np.zeros((0, 2), np.int64), 0, spec.duration_sec
        if past is not None and spec.segment:
            if past.state is None:
                raise ModelInferenceFailed("only a segment can be continued by a segment")
            phase = int(past.state[_PHASE])
        elif past is not None:
            codes = past.codes
            seconds -= int(codes[:, 1].sum()) // _STEPS
        if spec.segment or spec.loop:
            seconds = -(-seconds // _BAR_SEC) * _BAR_SEC
        self._jobs[slot] = _Job(
            spec,
            step_sec,
            fail_at=int(fail[1]) if fail else None,
            past=codes,
            seconds=seconds,
            phase=phase,
            due=time.monotonic() + step_sec,
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
                threading.Event().wait()  # a handler in another thread may have something to say first
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
        done, total = len(job.past) + job.step, len(job.past) + _STEPS
        if job.step == job.fail_at:
            del self._jobs[slot]
            error = ModelInferenceFailed(f"scripted failure at step {job.step}")
            return StepResult(slot, done, total, error=error)
        codes = self._new_codes(job)
        audio = _tone(codes, job, self.sample_rate) if len(codes) else None
        if job.step < _STEPS:
            return StepResult(slot, done, total, audio, codes=codes)
        del self._jobs[slot]
        state: State | None = {_PHASE: np.array(job.phase)} if job.spec.segment else None
        bar = Bar(_BAR_SEC, 0.0)
        return StepResult(slot, done, total, audio, finished=True, codes=codes, state=state, bar=bar)

    def _new_codes(self, job: _Job) -> NDArray[np.int64]:
        """Those that become audio now: at once what is continued, then the steps in pieces."""
        new = 0 if job.step % _STEPS_A_PIECE else _STEPS_A_PIECE
        codes = np.tile(np.array([_hertz(job.spec), job.seconds]), (new, 1))
        return np.concatenate([job.past, codes]) if job.step == 1 else codes


def _hertz(spec: JobSpec) -> int:
    """Comes from the track id; segments of one prompt and seed sound alike."""
    if spec.segment:
        spec = msgspec.structs.replace(spec, duration_sec=0, continue_from=None)
    return 200 + int(track_id(spec), 16) % 400


def _tone(codes: NDArray[np.int64], job: _Job, rate: int) -> NDArray[np.float32]:
    """float32 [1, samples] of these frames [frames, 2], from the job's phase on, which it moves to their end.

    Phases are whole numbers, so that a tone in pieces is the tone in one piece."""
    hertz = np.repeat(codes[:, 0], codes[:, 1] * (rate // _STEPS))
    after = (job.phase + hertz.cumsum()) % rate
    before = np.concatenate([[job.phase], after[:-1]])
    job.phase = int(after[-1])
    return np.float32(0.1) * np.sin(2 * np.pi / rate * before).astype(np.float32)[np.newaxis]
