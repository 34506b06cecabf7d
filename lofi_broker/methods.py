"""The RPC methods: checked params in, typed results out. Both front ends call these and nothing else."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

import lofi_common
from lofi_broker import events as ev
from lofi_broker.continuing import base_of
from lofi_broker.library import track_of
from lofi_broker.library_methods import LibraryMethods
from lofi_broker.models.helpers import verify
from lofi_common import api, api_library, api_models, api_playback, api_radio
from lofi_common.errors import CacheWriteError, InvalidRequest, InvalidTrackId
from lofi_common.jobs import Job, JobSpec, JobState, Output, Priority, track_id
from lofi_common.specs import spec_of

if TYPE_CHECKING:
    from lofi_broker.app import Broker

_LISTED = 100
"""Waiting jobs that `queue_status` names: with the longest prompts they fit into one message."""

_HELPERS = 4
"""Requests that need a process of their own, at one time; the others wait."""


class Methods:
    """One function per method of `api.METHODS`, over one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._started = time.monotonic()
        self._helpers = asyncio.Semaphore(_HELPERS)
        elsewhere = {
            **dict.fromkeys(api_playback.METHODS, broker.playback),
            **dict.fromkeys(api_library.METHODS, LibraryMethods(broker)),
            **dict.fromkeys(api_radio.METHODS, broker.radio),
        }
        self._table: dict[str, Callable[[Any], Awaitable[msgspec.Struct]]] = {
            name: getattr(elsewhere[name], name) if name in elsewhere else getattr(self, f"_{name}")
            for name in api.METHODS
        }

    async def call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """Run one request. Raises LofiError for whatever the client must be told."""
        parsed = api.parse_params(method, params)
        result: dict[str, object] = msgspec.to_builtins(await self._table[method](parsed))
        await self._broker.radio.ordered(method, parsed)
        return result

    async def _initialize(self, params: api.InitializeParams) -> api.InitializeResult:
        if params.protocol != lofi_common.PROTOCOL:
            raise InvalidRequest(
                f"{params.client} speaks protocol {params.protocol}, this broker {lofi_common.PROTOCOL}: "
                "install matching versions of both"
            )
        return api.InitializeResult(
            protocol=lofi_common.PROTOCOL,
            version=lofi_common.__version__,
            capabilities=list(api.METHODS),
            models=[model for model in self._broker.models.list().models if model.state == "installed"],
            durable=self._broker.config.queue.durable,
        )

    async def _generate(self, params: api.GenerateParams) -> api.GenerateResult:
        broker = self._broker
        outputs = (Output(path=params.output, force=params.force),) if params.output is not None else ()
        refused = await self._refusal(outputs)
        # From here to the queue nothing else runs: a model could go, a track come and be made twice.
        base = None if params.continue_from is None else base_of(broker.library, params.continue_from)
        model = broker.models.for_job(params.model or (base.model_version if base is not None else None))
        spec = spec_of(params, model, base, broker.config.queue.max_duration_sec)
        name = track_id(spec)
        track = broker.library.find(name)
        if track is not None:
            await broker.library.wanted([name])
            broker.store.history.asked(spec.prompt, time.time())
            for output in outputs:  # which may be refused for what is there and be the same to the byte
                await broker.copies.copy(track, output)
            return api.GenerateResult(
                track_id=name,
                status=JobState.COMPLETE,
                seed=spec.seed,
                model_version=spec.model_version,
                path=track.path,
            )
        if refused is not None:
            raise refused
        job = self._queue(name, spec, params.priority, outputs)
        broker.store.history.asked(spec.prompt, time.time())
        return api.GenerateResult(
            track_id=name,
            status=job.state,
            seed=spec.seed,
            model_version=spec.model_version,
            position=broker.scheduler.active.position(name),
        )

    async def _refusal(self, outputs: tuple[Output, ...]) -> CacheWriteError | None:
        try:
            for output in outputs:
                await self._broker.copies.check(output)
        except CacheWriteError as error:
            return error
        return None

    def _queue(self, name: str, spec: JobSpec, priority: Priority, outputs: tuple[Output, ...]) -> Job:
        return self._broker.submit(
            Job(
                track_id=name,
                spec=spec,
                priority=priority,
                order=self._broker.store.next_order(),
                attempt=self._broker.store.last_attempt(name),
                outputs=outputs,
                submitted_at=time.time(),
            )
        )

    async def _status(self, params: api.NoParams) -> api.StatusResult:
        broker = self._broker
        return api.StatusResult(
            broker=api.BrokerInfo(
                pid=os.getpid(),
                version=lofi_common.__version__,
                protocol=lofi_common.PROTOCOL,
                uptime_sec=round(time.monotonic() - self._started, 3),
                log=str(broker.log_file),
                warning=broker.warning,
            ),
            workers=[
                api.WorkerInfo(
                    worker=worker.name,
                    state=worker.state,
                    generation=worker.generation,
                    restarts=worker.restarts,
                    model_version=worker.model_version or (worker.wanted_version if worker.alive else None),
                    device=worker.device,
                    threads=broker.pool.threads,
                    slots=worker.wanted_slots if worker.alive else broker.scheduler.slots,
                    pid=worker.pid,
                    rss=worker.rss,
                    reason=worker.reason,
                )
                for worker in broker.scheduler.workers.values()
            ],
            current=self._current(),
            queue_length=len(broker.scheduler.active.pending()),
            library_tracks=broker.library.stats()[0],
            model=broker.models.store.selected_label(),
            device=broker.scheduler.device,
        )

    def _current(self) -> api.CurrentJob | None:
        running = self._broker.scheduler.active.current()
        if not running:
            return None
        job, percent = running[0]
        return api.CurrentJob(track_id=job.track_id, prompt=job.spec.prompt, percent=percent)

    async def _queue_status(self, params: api.NoParams) -> api.QueueStatusResult:
        pending = [
            api.PendingJob(track_id=job.track_id, prompt=job.spec.prompt, position=position)
            for position, job in enumerate(self._broker.scheduler.active.pending()[:_LISTED])
        ]
        return api.QueueStatusResult(current=self._current(), pending=pending)

    async def _queue_cancel(self, params: api.TrackParams) -> api.CancelResult:
        self._broker.feed(ev.CancelAsked(params.track_id))
        job = self._broker.store.job(params.track_id)
        assert job is not None
        return api.CancelResult(track_id=params.track_id, status=job.state)

    async def _queue_clear(self, params: api.NoParams) -> api.ClearResult:
        cancelled = len(self._broker.scheduler.active.pending())
        self._broker.feed(ev.ClearAsked())
        return api.ClearResult(cancelled=cancelled)

    async def _track_get(self, params: api.TrackParams) -> api.Track:
        track = self._broker.library.find(params.track_id)
        if track is not None:
            return track
        job = self._broker.store.job(params.track_id)
        if job is None or job.state is JobState.COMPLETE:  # complete, but deleted from the library since
            raise InvalidTrackId(f"there is no track or job {params.track_id}")
        return track_of(job, status=job.state, error=job.error, created_at=job.submitted_at)

    async def _models_list(self, params: api.NoParams) -> api_models.ModelsListResult:
        return self._broker.models.list()

    async def _model_download(self, params: api_models.ModelDownloadParams) -> api_models.ModelDownloadResult:
        async with self._helpers:
            return await self._broker.models.download(params, self._broker.scheduler.active.versions)

    async def _model_cancel(self, params: api_models.ModelParams) -> api_models.ModelCancelResult:
        self._broker.models.installs.cancel(params.model)
        return api_models.ModelCancelResult(model=params.model)

    async def _model_select(self, params: api_models.ModelParams) -> api_models.ModelSelectResult:
        model = self._broker.models.select(params.model)
        return api_models.ModelSelectResult(model=model.manifest.name, model_version=model.version)

    async def _model_remove(self, params: api_models.ModelParams) -> api_models.ModelRemoveResult:
        return await self._broker.models.remove(params.model, self._broker.scheduler.active.versions())

    async def _model_verify(self, params: api_models.ModelVerifyParams) -> api_models.ModelVerifyResult:
        broker = self._broker
        folder = broker.models.for_check(params.model)
        async with self._helpers:
            return await verify(folder, broker.config.worker, broker.pool.threads, full=params.full)

    async def _worker_slots(self, params: api.WorkerSlotsParams) -> api.WorkerSlotsResult:
        broker, before = self._broker, self._broker.scheduler.slots
        slots = params.slots
        if slots is None:
            slots = broker.config.worker.slots
        else:
            broker.pool.check_slots(broker.models.for_job(params.model), slots)
        broker.feed(ev.SlotsAsked(slots))
        return api.WorkerSlotsResult(slots=slots, before=before)

    async def _shutdown(self, params: api.NoParams) -> api.ShutdownResult:
        self._broker.leave("a client asked for it")
        return api.ShutdownResult(pid=os.getpid())
