"""The socket to the workers: ROUTER to DEALER, identity `<worker>.g<generation>`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import PurePath

import zmq.asyncio

from lofi_broker import events as ev
from lofi_broker.doors import WORKERS
from lofi_broker.sockets import local_router, send_now
from lofi_common import messages, wire
from lofi_common.logs import fields
from lofi_common.messages import BrokerMessage, WorkerMessage

log = logging.getLogger(__name__)

_SENT_AHEAD = 64
"""Orders to one worker that ZeroMQ holds: more than its slots, as nothing is kept for it beyond them."""


class WorkerLink:
    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        self._socket = local_router(context, endpoint, WORKERS, _SENT_AHEAD)

    async def listen(self, on_message: Callable[[str, int, WorkerMessage], None]) -> None:
        """Hand every well-formed message on as (worker, generation, message); drop the rest."""
        while True:
            await asyncio.sleep(0)  # a socket that always has a message would leave nobody else a turn
            identity, *frames = await self._socket.recv_multipart()
            try:
                worker, generation = _parse_identity(identity)
                message = _checked(wire.unpack_worker(frames), worker, generation)
            except wire.WireError as error:
                log.warning(fields("worker_message_dropped", identity=identity, reason=error))
                continue
            on_message(worker, generation, message)

    def send(self, worker: str, generation: int, message: BrokerMessage) -> None:
        """Queue a message. A worker that is gone is not an error here: its exit is reported elsewhere."""
        frames = [f"{worker}.g{generation}".encode(), *wire.pack(message)]
        failed = send_now(self._socket, frames)
        if failed is not None:
            log.warning(fields("worker_send_failed", worker=worker, generation=generation, reason=failed))

    def close(self) -> None:
        self._socket.close()


def _parse_identity(identity: bytes) -> tuple[str, int]:
    worker, _, generation = identity.decode(errors="replace").rpartition(".g")
    if not generation.isdecimal():
        raise wire.WireError("identity is not <worker>.g<generation>")
    return worker, int(generation)


def _checked(message: WorkerMessage, worker: str, generation: int) -> WorkerMessage:
    """The message, if it speaks only for its sender and its own files. Raises WireError."""
    match message:
        case messages.Hello() if (message.worker, message.generation) != (worker, generation):
            raise wire.WireError(f"it says that it is {message.worker} of generation {message.generation}")
        case messages.Done(job_id=track_id, attempt=attempt, path=path):
            if not PurePath(path).name.startswith(f"{track_id}.{attempt}."):
                raise wire.WireError(f"{path} is not the file of attempt {attempt} of {track_id}")
    return message


def to_events(worker: str, message: WorkerMessage) -> list[ev.Event]:
    """What a worker's message means to the scheduler."""
    match message:
        case messages.Hello():
            return [ev.WorkerSeen(worker)]
        case messages.Started(job_id=track_id, attempt=attempt):
            return [ev.JobStarted(worker, track_id, attempt)]
        case messages.Heartbeat(rss=rss):
            return [ev.WorkerSeen(worker, rss)]
        case messages.Ready(slots=slots, device=device, model_version=version, load_sec=load_sec, rss=rss):
            return [
                ev.WorkerSeen(worker, rss),
                ev.WorkerReady(worker, slots, device, version, load_sec),
            ]
        case messages.LoadFailed(error=error):
            return [ev.WorkerLoadFailed(worker, error.bounded())]
        case messages.Progress(job_id=track_id, attempt=attempt, done=done, total=total, audio_sec=audio_sec):
            return [ev.JobProgressed(worker, track_id, attempt, done, total, audio_sec)]
        case messages.Done():
            return [ev.JobDone(worker, message)]
        case messages.Failed(job_id=track_id, attempt=attempt, error=error, leaves=leaves):
            return [ev.JobFailed(worker, track_id, attempt, error.bounded(), leaves)]
