"""The socket to the workers: ROUTER to DEALER, identity `<worker>.g<generation>`."""

from __future__ import annotations

import logging
from collections.abc import Callable

import zmq.asyncio

from lofi_broker import events as ev
from lofi_broker.sockets import bind_router, send_now
from lofi_common import messages, wire
from lofi_common.logs import fields
from lofi_common.messages import BrokerMessage, WorkerMessage

log = logging.getLogger(__name__)


class WorkerLink:
    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        self._socket = bind_router(context, endpoint)

    async def listen(self, on_message: Callable[[str, int, WorkerMessage], None]) -> None:
        """Hand every well-formed message on as (worker, generation, message); drop the rest."""
        while True:
            identity, *frames = await self._socket.recv_multipart()
            worker, _, generation = identity.decode(errors="replace").rpartition(".g")
            try:
                if not generation.isdecimal():
                    raise wire.WireError("identity is not <worker>.g<generation>")
                message = wire.unpack_worker(frames)
            except wire.WireError as error:
                log.warning(fields("worker_message_dropped", identity=identity, reason=error))
                continue
            on_message(worker, int(generation), message)

    def send(self, worker: str, generation: int, message: BrokerMessage) -> None:
        """Queue a message. A worker that is gone is not an error here: its exit is reported elsewhere."""
        frames = [f"{worker}.g{generation}".encode(), *wire.pack(message)]
        failed = send_now(self._socket, frames)
        if failed is not None:
            log.warning(fields("worker_send_failed", worker=worker, generation=generation, reason=failed))

    def close(self) -> None:
        self._socket.close()


def to_events(worker: str, message: WorkerMessage) -> list[ev.Event]:
    """What a worker's message means to the scheduler."""
    match message:
        case messages.Hello() | messages.Started():
            return [ev.WorkerSeen(worker)]
        case messages.Heartbeat(rss=rss):
            return [ev.WorkerSeen(worker, rss)]
        case messages.Ready(slots=slots, device=device, model_version=version, load_sec=load_sec, rss=rss):
            return [
                ev.WorkerSeen(worker, rss),
                ev.WorkerReady(worker, slots, device, version, load_sec),
            ]
        case messages.LoadFailed(error=error):
            return [ev.WorkerLoadFailed(worker, error)]
        case messages.Progress(job_id=track_id, attempt=attempt, done=done, total=total):
            return [ev.JobProgressed(worker, track_id, attempt, done, total)]
        case messages.Done():
            return [ev.JobDone(worker, message)]
        case messages.Failed(job_id=track_id, attempt=attempt, error=error):
            return [ev.JobFailed(worker, track_id, attempt, error)]
