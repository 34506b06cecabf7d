"""Short words for tests of the scheduler."""

from __future__ import annotations

from lofi_broker import events as ev
from lofi_broker.scheduler import Scheduler
from lofi_common import api
from lofi_common.config import QueueConfig, WorkerConfig
from lofi_common.errors import ModelLoadFailed
from lofi_common.jobs import Job, JobSpec, JobState
from lofi_common.messages import Done

FAILED = ModelLoadFailed("broken").info()


def job(name: str, order: int = 0, **more: object) -> Job:
    spec = JobSpec(
        prompt=name,
        duration_sec=5,
        seed=1,
        model_version="m-1",
        temperature=1.0,
        top_k=0,
        top_p=0.0,
        guidance_scale=1.0,
    )
    return Job(track_id=name, spec=spec, order=order, **more)  # type: ignore[arg-type]


def done(name: str, attempt: int = 1) -> Done:
    return Done(
        job_id=name,
        attempt=attempt,
        path=f"/spool/{name}.{attempt}.wav",
        sha256="0" * 64,
        bytes=1,
        sample_rate=32_000,
        samples=160_000,
        generation_sec=1.0,
        peak=0.5,
    )


def scheduler(**worker: object) -> Scheduler:
    return Scheduler(QueueConfig(), WorkerConfig(**worker), seed=1)  # type: ignore[arg-type]


def submit(s: Scheduler, *names: str, now: float = 0.0) -> list[ev.Action]:
    """Queue jobs as the broker does: saved, then handed out by the next event."""
    actions: list[ev.Action] = []
    for order, name in enumerate(names):
        actions += s.handle(ev.Submitted(job(name, order)), now)
    return actions + s.handle(ev.Tick(), now)


def ready(s: Scheduler, worker: str = "w0", slots: int = 1, now: float = 0.0) -> list[ev.Action]:
    return s.handle(ev.WorkerReady(worker, slots, "cpu", "m-1", 0.1), now)


def saved(actions: list[ev.Action]) -> list[tuple[str, JobState]]:
    return [(a.job.track_id, a.job.state) for a in actions if isinstance(a, ev.Save)]


def sent(actions: list[ev.Action]) -> list[tuple[str, str, int]]:
    return [(a.worker, a.job.track_id, a.job.attempt) for a in actions if isinstance(a, ev.SendRun)]


def spawned(actions: list[ev.Action]) -> list[tuple[str, int]]:
    return [(a.worker, a.generation) for a in actions if isinstance(a, ev.Spawn)]


def adopted(s: Scheduler, name: str, attempt: int = 1) -> list[ev.Action]:
    spec = job(name).spec
    track = api.Track(
        track_id=name,
        status=JobState.COMPLETE,
        path=f"/tracks/{name}.wav",
        sha256="0" * 64,
        sample_rate=32_000,
        generation_time_sec=1.0,
        **{field: getattr(spec, field) for field in JobSpec.__struct_fields__},
    )
    return s.handle(ev.TrackAdopted(name, attempt, track), 1.0)
