"""The job loop: orders from the broker in, engine steps, answers out. Looks at its orders between steps."""

from __future__ import annotations

import logging
import queue
import time
from pathlib import Path
from typing import Protocol

from lofi_common.errors import (
    MORE_MEMORY,
    GenerationCancelled,
    LofiError,
    ModelInferenceFailed,
    ModelLoadFailed,
)
from lofi_common.logs import fields
from lofi_common.messages import (
    BrokerMessage,
    Cancel,
    Done,
    Failed,
    Progress,
    Run,
    Shutdown,
    Started,
    WorkerMessage,
)
from lofi_worker import tokens
from lofi_worker.attempt import Attempt
from lofi_worker.bars import BarFinder
from lofi_worker.engine import Engine, Interrupted, Past, StepResult
from lofi_worker.loudness import Meter
from lofi_worker.recording import Recording

log = logging.getLogger(__name__)


class Link(Protocol):
    orders: queue.SimpleQueue[BrokerMessage]

    def send(self, message: WorkerMessage) -> None: ...


class Agent:
    """Runs up to `engine.slots` jobs side by side in one decode loop."""

    def __init__(self, engine: Engine, link: Link, spool_folder: Path) -> None:
        self._engine = engine
        self._link = link
        self._spool = spool_folder
        self._busy: dict[int, Attempt] = {}

    def run(self) -> str:
        """Serve until told to leave; returns the reason. An engine that breaks is fatal: the error goes on,
        so that the process ends and its memory comes back."""
        try:
            while True:
                order = self._next_order()
                while order is not None:
                    if isinstance(order, Shutdown):
                        return order.reason
                    self._obey(order)
                    order = self._next_order()
                self._step()
        except Exception as error:
            # Of several, nobody knows whose fault it was: the broker tries each alone.
            if len(self._busy) == 1:
                (attempt,) = self._busy.values()
                info = _as_lofi_error(error).info()
                self._link.send(
                    Failed(job_id=attempt.job_id, attempt=attempt.number, error=info, leaves=True)
                )
            raise

    def _step(self) -> None:
        try:
            results = self._engine.step()
        except Interrupted:  # by an order that waits; what it does not concern takes the step again
            return
        for result in results:
            self._take(result)

    def _next_order(self) -> BrokerMessage | None:
        """Waits for an order while idle; while jobs run, takes one only if it is there."""
        try:
            return self._link.orders.get(block=not self._busy)
        except queue.Empty:
            return None

    def _obey(self, order: Run | Cancel) -> None:
        if isinstance(order, Run):
            self._start(order)
            return
        for slot, attempt in self._busy.items():
            if (attempt.job_id, attempt.number) == (order.job_id, order.attempt):
                self._engine.stop(slot)
                self._fail(slot, GenerationCancelled("cancelled by a client"))
                return

    def _start(self, order: Run) -> None:
        slot = next(slot for slot in range(self._engine.slots) if slot not in self._busy)
        self._busy[slot] = self._attempt(order)
        self._link.send(Started(job_id=order.job_id, attempt=order.attempt))
        log.info(fields("attempt_started", track_id=order.job_id, attempt=order.attempt, slot=slot))
        try:
            if order.spec.model_version != self._engine.model_version:
                raise ModelLoadFailed(
                    f"the track needs {order.spec.model_version}, but {self._engine.model_version} is loaded",
                    recovery="Submit it again.",
                )
            self._engine.start(slot, order.spec, self._past(order))
        except LofiError as error:
            self._fail(slot, error)

    def _attempt(self, order: Run) -> Attempt:
        rate, expected = self._engine.sample_rate, order.spec.duration_sec * self._engine.sample_rate
        recording = Recording(
            self._spool,
            f"{order.job_id}.{order.attempt}",
            order.spec.format,
            expected=expected,
            sample_rate=rate,
            channels=self._engine.channels,
        )
        meter = Meter(rate, self._engine.channels)
        # A loop is cut where its engine knows, or has heard, the bars.
        told = self._engine.tells_bars or order.spec.loop
        bars = None if told else BarFinder(rate, expected)
        return Attempt(order.job_id, order.attempt, order.spec, recording, meter, bars)

    def _past(self, order: Run) -> Past | None:
        """Raises ModelInferenceFailed when the track that it continues has no usable tokens."""
        if order.past is None:
            return None
        found = tokens.read(Path(order.past))
        if found.about.model_version != self._engine.model_version:
            raise ModelInferenceFailed(f"{order.past} has tokens of {found.about.model_version}")
        return found.past

    def _take(self, result: StepResult) -> None:
        if result.error is not None:
            self._fail(result.slot, result.error)
            return
        attempt = self._busy[result.slot]
        try:
            if result.codes is not None:
                attempt.add_codes(result.codes)
            if result.audio is not None:
                attempt.add(result.audio)
            done = self._finish(attempt, result) if result.finished else None
        except LofiError as error:
            if not result.finished:
                self._engine.stop(result.slot)
            self._fail(result.slot, error)
            return
        if done is not None:
            del self._busy[result.slot]
            log.info(fields("attempt_done", track_id=done.job_id, sec=f"{done.generation_sec:.3f}"))
            self._link.send(done)
        elif attempt.report_due(result.frames, result.frames_expected, time.monotonic()):
            self._link.send(
                Progress(
                    job_id=attempt.job_id,
                    attempt=attempt.number,
                    done=result.frames,
                    total=result.frames_expected,
                    audio_sec=round(attempt.recording.seconds, 6),
                )
            )

    def _finish(self, attempt: Attempt, result: StepResult) -> Done:
        bar = result.bar if attempt.bars is None else attempt.bars.bar()
        loudness = attempt.loudness.integrated()
        kept = attempt.keep_tokens(result.state)
        file = attempt.recording.finish()
        return Done(
            job_id=attempt.job_id,
            attempt=attempt.number,
            path=str(file.path),
            sha256=file.sha256,
            bytes=file.bytes,
            sample_rate=self._engine.sample_rate,
            samples=attempt.recording.samples,
            generation_sec=round(time.monotonic() - attempt.started, 3),
            peak=round(attempt.loudness.peak, 6),
            loudness_lufs=round(loudness, 2) if loudness is not None else None,
            bar_sec=bar.seconds if bar is not None else None,
            bar_offset_sec=bar.offset_sec if bar is not None else None,
            tokens_sha256=kept.sha256 if kept is not None else None,
            tokens_bytes=kept.bytes if kept is not None else None,
        )

    def _fail(self, slot: int, error: LofiError) -> None:
        attempt = self._busy.pop(slot)
        attempt.recording.discard()
        log.info(fields("attempt_ended", track_id=attempt.job_id, code=error.name, message=error))
        self._link.send(Failed(job_id=attempt.job_id, attempt=attempt.number, error=error.info()))


def _as_lofi_error(error: Exception) -> LofiError:
    if isinstance(error, LofiError):
        return error
    if isinstance(error, MemoryError):
        return ModelInferenceFailed(f"out of memory: {error}", recovery=MORE_MEMORY)
    return ModelInferenceFailed(f"{type(error).__name__}: {error}")
