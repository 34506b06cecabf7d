"""The notifications that clients get about a job, made from what the scheduler knows."""

from __future__ import annotations

from lofi_broker.events import Publish
from lofi_broker.workers import Running
from lofi_common import api, api_models
from lofi_common.errors import ErrorInfo
from lofi_common.jobs import Job
from lofi_common.manifest import name_of


def started(job: Job) -> Publish:
    spec = job.spec
    start = api.GenerationStart(
        track_id=job.track_id,
        prompt=spec.prompt,
        duration_sec=spec.duration_sec,
        seed=spec.seed,
        model_version=spec.model_version,
    )
    return Publish("generation_start", start)


def progressed(job: Job, state: Running, now: float) -> Publish:
    elapsed, left = now - state.started_at, max(0, state.total - state.done)
    progress = api.GenerationProgress(
        track_id=job.track_id,
        percent=state.percent,
        tokens_generated=state.done,
        tokens_estimated=state.total,
        eta_sec=round(elapsed * left / state.done, 2) if state.done else 0.0,
        audio_sec=round(state.audio_sec, 3),
    )
    return Publish("generation_progress", progress)


def completed(track: api.Track, output_errors: dict[str, str] | None) -> Publish:
    assert track.path and track.sha256 and track.sample_rate and track.generation_time_sec is not None
    complete = api.GenerationComplete(
        track_id=track.track_id,
        path=track.path,
        duration_sec=track.duration_sec,
        sample_rate=track.sample_rate,
        samples=track.samples,
        prompt=track.prompt,
        seed=track.seed,
        generation_time_sec=track.generation_time_sec,
        model_version=track.model_version,
        sha256=track.sha256,
        output_errors=output_errors,
    )
    return Publish("generation_complete", complete)


def ended(job: Job, error: ErrorInfo) -> Publish:
    told = api.GenerationError(
        track_id=job.track_id, code=error.name, message=error.message, recovery=error.recovery
    )
    return Publish("generation_error", told)


def model(version: str, state: str, load_sec: float | None = None) -> Publish:
    told = api_models.ModelStatus(
        model=name_of(version), state=state, model_version=version, load_sec=load_sec
    )
    return Publish("model_status", told)
