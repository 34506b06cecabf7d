"""The broker's event loop.

Sockets, child exits and timers become events; actions become saves, then sends, then notifications.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import zmq.asyncio

from lofi_broker import events as ev
from lofi_broker.client_link import ClientLink
from lofi_broker.copies import Copies
from lofi_broker.deadlines import Deadlines
from lofi_broker.eviction import Eviction
from lofi_broker.leftovers import sweep_library
from lofi_broker.library import Library
from lofi_broker.methods import Methods
from lofi_broker.models.service import ModelService
from lofi_broker.needs import Needs
from lofi_broker.playback import Playback
from lofi_broker.pool import Pool
from lofi_broker.radio_service import RadioService
from lofi_broker.remote import RemoteFront
from lofi_broker.salvage import open_store
from lofi_broker.scheduler import Scheduler
from lofi_broker.sockets import local_router
from lofi_broker.worker_link import WorkerLink, to_events
from lofi_broker.workers import WorkerState
from lofi_common import PROTOCOL, api, messages
from lofi_common.config import Config
from lofi_common.errors import CacheWriteError, InternalError, LofiError
from lofi_common.exchange import settle_all
from lofi_common.jobs import Job, Output
from lofi_common.logs import fields
from lofi_common.messages import WorkerMessage
from lofi_common.paths import Paths

log = logging.getLogger(__name__)

CLIENTS = "clients"
WORKERS = "workers"

Listener = Callable[[str, dict[str, object]], None]


class Broker:
    """Carries out what the scheduler decides. Everything here runs on one event loop."""

    def __init__(self, config: Config, paths: Paths, output_mode: int) -> None:
        self.config = config
        self.log_file = paths.logs / "broker.log"
        self.store, self.warning = open_store(paths.database, paths.tracks)
        self.library = Library(paths.tracks, paths.spool, self.store)
        self.copies = Copies(output_mode)
        self.scheduler = Scheduler(config.queue, config.worker, seed=time.time_ns())
        self.models = ModelService(config, paths, self._tell)
        tcp = config.broker.tcp
        self._remote = RemoteFront(tcp, paths) if tcp else None
        self._context = zmq.asyncio.Context()
        self._clients = ClientLink(local_router(self._context, paths.socket(CLIENTS)))
        self._links = [self._clients] if self._remote is None else [self._clients, self._remote.link]
        self._workers = WorkerLink(self._context, paths.socket(WORKERS))
        self.pool = Pool(config, paths, paths.socket(WORKERS))
        jobs = (lambda name: self.scheduler.active.get(name) or self.store.job(name), self.growing)
        self.playback = Playback(config, paths, self.library, jobs, self._tell, self._start, self.call)
        self.eviction = Eviction(config.cache, self.library, self.playback, self.scheduler.active, self._tell)
        self._listeners: list[Listener] = []
        self.radio = RadioService(self, self._tell, self._start)
        self.methods = Methods(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._services: list[asyncio.Task[None]] = []
        self._deadlines = Deadlines(self.scheduler, self.feed)
        self._leave_reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        installs = self.models.installs
        self.needs = Needs(
            self.scheduler.active, lambda: bool(installs.active), self._present, self.playback.is_playing
        )

    def listen(self, listener: Listener) -> None:
        """Call `listener(method, params)` for every notification."""
        self._listeners.append(listener)

    def prepare(self) -> None:
        """Take over what an earlier broker left. From here on jobs run.

        Raises LofiError when the queue can't be read or written.
        """
        self.library.sweep_spool()
        self.models.store.sweep()
        sweep_library(self.library.folder, self.store)
        settle_all(self.models.store.folder)
        try:
            self.store.index.mend_search()
            left = self.store.active_jobs()
            self._execute(self.scheduler.restore(left, time.monotonic()))
            self.radio.take_over(left)
        except sqlite3.Error as error:
            raise self.store.failed("taken over", error) from error
        if left and not self.config.queue.durable:
            told = f"{len(left)} tracks of an earlier broker were cancelled: queue.durable is false"
            self.warning = f"{self.warning}; {told}" if self.warning else told

    async def run(self, *, idle_exit: bool, on_leaving: Callable[[], None]) -> str:
        """Serve until `leave` is called or, with `idle_exit`, nobody needs the broker; returns the reason.

        `on_leaving` is called before anything is closed. Raises LofiError when the broker can't go on.
        """
        self._services += [
            self._start(self._clients.listen(self._call_over_socket), "clients"),
            self._start(self._workers.listen(self._worker_said), "workers"),
            self._start(self._deadlines.watch(), "deadlines"),
            self._start(self.models.installs.run(), "installs"),
        ]
        if self._remote is not None:
            self._services += [
                self._start(self._remote.guard(), "gate"),
                self._start(self._remote.listen(self._call_over_socket), "remote-clients"),
            ]
        self._start(self.eviction.run(), "eviction")
        if idle_exit:
            self.leave_when_idle()
        log.info(fields("broker_listening", model=self.models.store.selected_label()))
        reason = None
        try:
            reason = await self._leave_reason
            log.info(fields("broker_leaving", reason=reason))
        finally:
            on_leaving()
            await self._close(reason)
        return reason

    def leave(self, reason: str) -> None:
        if not self._leave_reason.done():
            self._leave_reason.set_result(reason)

    def fail(self, error: LofiError) -> None:
        """Leave because the broker can't go on; `run` raises it."""
        if not self._leave_reason.done():
            log.error(fields("broker_fails", reason=error))
            self._leave_reason.set_exception(error)

    def leave_when_idle(self) -> None:
        """From now on, leave when nobody has needed the broker for `broker.idle_exit_sec`."""
        self._services.append(self._start(self._leave_idle(), "idleness"))

    async def call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """One request of any client. Raises LofiError, whatever happens."""
        self.needs.request()
        try:
            return await self.methods.call(method, params)
        except LofiError:
            raise
        except Exception as error:
            log.exception(fields("request_failed", method=method))
            raise InternalError(f"{method} failed: {error}") from error

    async def _call_over_socket(self, method: str, params: dict[str, object]) -> dict[str, object]:
        result = await self.call(method, params)
        if method == "generate":
            self.needs.track(str(result["track_id"]))
        return result

    def _present(self) -> bool:
        return any([link.present() for link in self._links])

    def submit(self, job: Job) -> Job:
        """Put a job on disk and into the queue, or join an active one. Raises QueueFull, CacheWriteError."""
        before = self.scheduler.active.get(job.track_id)
        try:
            self._execute(self.scheduler.handle(ev.Submitted(job), time.monotonic()))
        except sqlite3.Error as error:
            self.feed(ev.NotSaved(job.track_id, before))
            if not self.store.there():
                self.fail(self.store.failed("written", error))
            raise CacheWriteError(f"the job can't be saved: {error}") from error
        self.feed(ev.Tick())
        active = self.scheduler.active.get(job.track_id)
        assert active is not None
        return active

    def growing(self, track_id: str) -> Path | None:
        """The file in which the audio of a generating track grows; None before the first of it."""
        job = self.scheduler.active.get(track_id)
        return self.library.growing(job) if job is not None else None

    def feed(self, event: ev.Event) -> None:
        """Tell the scheduler and do what it says, at once and in order.

        When that can't be put on disk, the broker leaves: what is there is the truth that the next one
        starts from.
        """
        try:
            self._execute(self.scheduler.handle(event, time.monotonic()))
        except sqlite3.Error as error:
            self.fail(self.store.failed("written", error))
            raise
        self._deadlines.look_again()

    def _execute(self, actions: list[ev.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: ev.Action) -> None:
        match action:
            case ev.Save(job, track):
                self.store.save(job, time.time(), track)
                why = {"why": job.error.message} if job.error is not None else {}
                log.info(fields("job", track_id=job.track_id, state=job.state, attempt=job.attempt, **why))
            case ev.SendRun(worker, job):
                base = job.spec.continue_from
                past = str(self.library.tokens_file(base)) if base is not None else None
                run = messages.Run(job_id=job.track_id, attempt=job.attempt, spec=job.spec, past=past)
                self._send(worker, run)
            case ev.SendCancel(worker, track_id, attempt):
                self._send(worker, messages.Cancel(job_id=track_id, attempt=attempt))
            case ev.Spawn():
                self._start(self._live(action), f"worker-{action.worker}")
            case ev.Kill(worker, reason, misbehaves):
                level = logging.WARNING if misbehaves else logging.INFO
                log.log(level, fields("worker_killed", worker=worker, reason=reason))
                self.pool.kill(worker)
            case ev.Adopt(job, done):
                self._start(self._adopt(job, done), f"adopt-{job.track_id}")
            case ev.Discard(track_id, attempt):
                self.library.discard_attempt(track_id, attempt)
            case ev.Forget(keep):
                self.store.forget(keep)
            case ev.Publish(method, params):
                self._tell(method, params)

    def _tell(self, method: str, params: api.Result) -> None:
        self._publish(method, msgspec.to_builtins(params))
        self.playback.told(params)

    def _publish(self, method: str, params: dict[str, object]) -> None:
        for listener in self._listeners:
            listener(method, params)
        for link in self._links:
            link.publish(method, params)

    def _send(self, worker: str, message: messages.BrokerMessage) -> None:
        generation = self.pool.generation(worker)
        if generation is not None:
            self._workers.send(worker, generation, message)

    async def _live(self, action: ev.Spawn) -> None:
        """A worker process from its start to its end."""
        try:
            model = self.models.store.of_version(action.model_version)
            process = await self.pool.spawn(action.worker, action.generation, model, action.slots)
        except LofiError as error:
            self.feed(ev.WorkerLoadFailed(action.worker, error.info()))
            self.feed(ev.WorkerExited(action.worker, str(error)))
            return
        except OSError as error:
            self.feed(ev.WorkerExited(action.worker, f"can't be started: {error}"))
            return
        if self._leave_reason.done() or self.scheduler.workers[action.worker].killed_for is not None:
            self.pool.kill(action.worker)  # decided on while it was being started
        limit = self.pool.rss_limit(model, action.slots)
        self.feed(ev.WorkerSpawned(action.worker, process.pid, limit))
        reason = await self.pool.watch(process)
        for track_id, attempt in self.scheduler.workers[action.worker].running:
            self.library.discard_attempt(track_id, attempt)
        if not self._leave_reason.done():
            self.feed(ev.WorkerExited(action.worker, reason))

    async def _adopt(self, job: Job, done: messages.Done) -> None:
        try:
            track = await self.library.adopt(job, done, time.time())
        except CacheWriteError as error:
            self.library.discard_attempt(job.track_id, job.attempt)
            self.feed(ev.TrackAdopted(job.track_id, job.attempt, error=error.info()))
            return
        failed = await self.copies.deliver(track, lambda: self._outputs(job.track_id))
        self.feed(ev.TrackAdopted(job.track_id, job.attempt, track, output_errors=failed or None))
        await self.eviction.run()

    def _outputs(self, track_id: str) -> tuple[Output, ...]:
        job = self.scheduler.active.get(track_id)
        return job.outputs if job is not None else ()

    # workers

    def _worker_said(self, worker: str, generation: int, message: WorkerMessage) -> None:
        if self.pool.generation(worker) != generation:
            log.warning(fields("stale_worker_message", worker=worker, generation=generation))
            if isinstance(message, messages.Done) and not self._awaited(message):
                self.library.discard_attempt(message.job_id, message.attempt)
            return
        if isinstance(message, messages.Hello) and message.protocol != PROTOCOL:
            self.pool.kill(worker)
            return
        if isinstance(message, messages.Ready):
            log.info(fields("worker_ready", worker=worker, load_sec=message.load_sec, rss=message.rss))
        for event in to_events(worker, message):
            self.feed(event)

    def _awaited(self, done: messages.Done) -> bool:
        job = self.scheduler.active.get(done.job_id)
        return job is not None and job.attempt == done.attempt

    # services

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that fails is a defect or a disk that can't be written: leave; the queue is on disk."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if self._leave_reason.done() and isinstance(error, sqlite3.Error):  # told already
                return
            log.error(fields("task_failed", task=task.get_name()), exc_info=error)
            self.fail(LofiError(f"{task.get_name()} failed: {error}"))

    async def _leave_idle(self) -> None:
        limit = self.config.broker.idle_exit_sec
        await self.needs.none_for(limit)
        self.leave(f"idle for {limit:g} s")

    async def _close(self, reason: str | None) -> None:
        self.radio.close()
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        await self._clients.close(reason)
        if self._remote is not None:
            await self._remote.close(reason)
        for name, known in self.scheduler.workers.items():
            if known.state is WorkerState.LOADING:  # it may not hear us before it is done, and loses nothing
                self.pool.kill(name)
        for worker in self.scheduler.workers:
            self._send(worker, messages.Shutdown(reason="the broker leaves"))
        await asyncio.gather(self.pool.stop(), self.playback.close())
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._workers.close()
        self._context.term()
        self.store.close()
