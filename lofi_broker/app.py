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
from lofi_broker.library import Library
from lofi_broker.methods import Methods
from lofi_broker.pool import Pool
from lofi_broker.scheduler import Scheduler
from lofi_broker.store import Store
from lofi_broker.worker_link import WorkerLink, to_events
from lofi_common import PROTOCOL, messages
from lofi_common.config import Config
from lofi_common.errors import CacheWriteError, InternalError, LofiError
from lofi_common.jobs import Job
from lofi_common.logs import fields
from lofi_common.manifest import Model, select_model
from lofi_common.messages import WorkerMessage
from lofi_common.paths import Paths, starter_folder

log = logging.getLogger(__name__)

CLIENTS = "clients"
WORKERS = "workers"

Listener = Callable[[str, dict[str, object]], None]


class Broker:
    """Carries out what the scheduler decides. Everything here runs on one event loop."""

    def __init__(self, config: Config, paths: Paths, output_mode: int) -> None:
        self._config = config
        self.log_file = paths.logs / "broker.log"
        self._model_folder = Path(config.model.folder) if config.model.folder else starter_folder()
        self.model_name = self._model_folder.name
        self.store = Store(paths.database)
        self.library = Library(paths.tracks, paths.spool, self.store, output_mode)
        self.scheduler = Scheduler(config.queue, config.worker, model=self.model_name, seed=time.time_ns())
        self._context = zmq.asyncio.Context()
        self._clients = ClientLink(self._context, paths.socket(CLIENTS))
        self._workers = WorkerLink(self._context, paths.socket(WORKERS))
        self._pool = Pool(config, paths, paths.socket(WORKERS), self._worker_exited)
        self.methods = Methods(self)
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._services: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._leave_reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._last_request = time.monotonic()

    def model(self) -> Model:
        """The selected model, as it lies on disk now. Raises ModelNotFound or ModelLoadFailed."""
        return select_model(self._model_folder, self._config.worker.engine)

    def listen(self, listener: Listener) -> None:
        """Call `listener(method, params)` for every notification."""
        self._listeners.append(listener)

    async def run(self, *, idle_exit: bool) -> str:
        """Serve until `leave` is called or, with `idle_exit`, nobody needs the broker; returns the reason."""
        self.library.sweep_spool()
        self._execute(self.scheduler.restore(self.store.active_jobs(), time.monotonic()))
        self._services += [
            self._start(self._clients.listen(self.call), "clients"),
            self._start(self._workers.listen(self._worker_said), "workers"),
            self._start(self._watch_deadlines(), "deadlines"),
        ]
        if idle_exit:
            self.leave_when_idle()
        try:
            reason = await self._leave_reason
            log.info(fields("broker_leaving", reason=reason))
        finally:
            await self._close()
        return reason

    def leave(self, reason: str) -> None:
        if not self._leave_reason.done():
            self._leave_reason.set_result(reason)

    def leave_when_idle(self) -> None:
        """From now on, leave when nobody has needed the broker for `broker.idle_exit_sec`."""
        self._services.append(self._start(self._watch_idleness(), "idleness"))

    async def call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """One request of any client. Raises LofiError, whatever happens."""
        self._last_request = time.monotonic()
        try:
            return await self.methods.call(method, params)
        except LofiError:
            raise
        except Exception as error:
            log.exception(fields("request_failed", method=method))
            raise InternalError(f"{method} failed: {error}") from error

    def has_other_clients(self) -> bool:
        return self._clients.present()

    def submit(self, job: Job) -> Job:
        """Put a job on disk and into the queue, or join an active one. Raises QueueFull, CacheWriteError."""
        try:
            self.feed(ev.Submitted(job))
        except sqlite3.Error as error:
            self.feed(ev.NotSaved(job.track_id))
            raise CacheWriteError(f"the job can't be saved: {error}") from error
        self.feed(ev.Tick())
        active = self.scheduler.job(job.track_id)
        assert active is not None
        return active

    def feed(self, event: ev.Event) -> None:
        """Tell the scheduler and do what it says, at once and in order."""
        self._execute(self.scheduler.handle(event, time.monotonic()))
        self._wake.set()

    def _execute(self, actions: list[ev.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: ev.Action) -> None:
        match action:
            case ev.Save(job, track):
                self.store.save(job, time.time(), track)
                log.info(fields("job", track_id=job.track_id, state=job.state, attempt=job.attempt))
            case ev.SendRun(worker, job):
                run = messages.Run(job_id=job.track_id, attempt=job.attempt, spec=job.spec)
                self._send(worker, run)
            case ev.SendCancel(worker, track_id, attempt):
                self._send(worker, messages.Cancel(job_id=track_id, attempt=attempt))
            case ev.Spawn():
                self._start(self._spawn(action), f"spawn-{action.worker}")
            case ev.Kill(worker, reason):
                log.warning(fields("worker_killed", worker=worker, reason=reason))
                self._pool.kill(worker)
            case ev.Adopt(job, done):
                self._start(self._adopt(job, done), f"adopt-{job.track_id}")
            case ev.Discard(path):
                self.library.discard(path)
            case ev.Publish(method, params):
                self._publish(method, msgspec.to_builtins(params))

    def _publish(self, method: str, params: dict[str, object]) -> None:
        for listener in self._listeners:
            listener(method, params)
        self._clients.publish(method, params)

    def _send(self, worker: str, message: messages.BrokerMessage) -> None:
        generation = self._pool.generation(worker)
        if generation is not None:
            self._workers.send(worker, generation, message)

    async def _spawn(self, action: ev.Spawn) -> None:
        try:
            pid = await self._pool.spawn(action.worker, action.generation, str(self._model_folder))
        except OSError as error:
            self.feed(ev.WorkerExited(action.worker, f"can't be started: {error}"))
            return
        self.feed(ev.WorkerSpawned(action.worker, pid))

    async def _adopt(self, job: Job, done: messages.Done) -> None:
        try:
            track = await asyncio.to_thread(self.library.adopt, job, done, time.time())
        except CacheWriteError as error:
            self.library.discard(done.path)
            self.feed(ev.TrackAdopted(job.track_id, job.attempt, error=error.info()))
            return
        delivered: tuple[str, ...] = ()
        failed: dict[str, str] = {}
        while missing := self._undelivered(job.track_id, delivered):  # requests may join meanwhile
            failed |= await asyncio.to_thread(self.library.deliver, track, missing)
            delivered += missing
        self.feed(ev.TrackAdopted(job.track_id, job.attempt, track, output_errors=failed or None))

    def _undelivered(self, track_id: str, delivered: tuple[str, ...]) -> tuple[str, ...]:
        job = self.scheduler.job(track_id)
        return tuple(path for path in job.outputs if path not in delivered) if job is not None else ()

    # workers

    def _worker_said(self, worker: str, generation: int, message: WorkerMessage) -> None:
        if self._pool.generation(worker) != generation:
            log.warning(fields("stale_worker_message", worker=worker, generation=generation))
            if isinstance(message, messages.Done):
                self.library.discard(message.path)
            return
        if isinstance(message, messages.Hello) and message.protocol != PROTOCOL:
            self._pool.kill(worker)
            return
        if isinstance(message, messages.Ready):
            log.info(fields("worker_ready", worker=worker, load_sec=message.load_sec, rss=message.rss))
        for event in to_events(worker, message):
            self.feed(event)

    def _worker_exited(self, worker: str, generation: int, reason: str) -> None:
        if not self._leave_reason.done():
            self._start(self._bury(worker, reason), f"bury-{worker}")

    async def _bury(self, worker: str, reason: str) -> None:
        self.feed(ev.WorkerExited(worker, reason))

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
            log.error(fields("task_failed", task=task.get_name()), exc_info=error)
            self.leave(f"{task.get_name()} failed: {error}")

    async def _watch_deadlines(self) -> None:
        while True:
            self._wake.clear()
            deadline = self.scheduler.next_deadline()
            try:
                # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the event.
                async with asyncio.timeout(None if deadline is None else deadline - time.monotonic()):
                    await self._wake.wait()
            except TimeoutError:
                self.feed(ev.Tick())

    async def _watch_idleness(self) -> None:
        limit = self._config.broker.idle_exit_sec
        while True:
            rest = self._last_request + limit - time.monotonic()
            if rest > 0:
                await asyncio.sleep(rest)
            elif not self.scheduler.idle or self._clients.present():
                await asyncio.sleep(limit)
            else:
                self.leave(f"idle for {limit:g} s")
                return

    async def _close(self) -> None:
        for service in self._services:
            service.cancel()
        await asyncio.gather(*self._services, return_exceptions=True)
        await self._clients.close()
        for worker in self.scheduler.workers:
            self._send(worker, messages.Shutdown(reason="the broker leaves"))
        await self._pool.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._workers.close()
        self._context.term()
        self.store.close()
