"""The socket to the clients: requests in, exactly one response each, events to those who asked for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import zmq.asyncio

from lofi_broker.sockets import bind_router, send_now
from lofi_common import wire
from lofi_common.errors import LofiError
from lofi_common.logs import fields
from lofi_common.messages import Event, Request, Response

log = logging.getLogger(__name__)

Handler = Callable[[str, dict[str, object]], Awaitable[dict[str, object]]]

PING = "ping"
"""An event without meaning, sent to learn which clients are still there. Clients ignore it."""


class ClientLink:
    """A ROUTER. Answers and events of one client go through one socket, so they stay in order."""

    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        self._socket = bind_router(context, endpoint)
        self._subscribers: set[bytes] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._seq = 0

    async def listen(self, handler: Handler) -> None:
        """Serve requests until cancelled. What is not a request is dropped: it has no id to answer to."""
        while True:
            identity, *frames = await self._socket.recv_multipart()
            try:
                request = wire.unpack_request(frames)
            except wire.WireError as error:
                log.warning(fields("client_message_dropped", client=identity.hex(), reason=error))
                continue
            task = asyncio.create_task(self._answer(identity, request, handler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, identity: bytes, request: Request, handler: Handler) -> None:
        try:
            response = Response(id=request.id, result=await handler(request.method, request.params))
        except LofiError as error:
            response = Response(id=request.id, error=error.info())
        if request.method == "initialize" and response.error is None and request.params.get("events"):
            self._subscribers.add(identity)
        try:
            frames = wire.pack(response)
        except wire.WireError as error:
            frames = wire.pack(Response(id=request.id, error=LofiError(str(error)).info()))
        self._send(identity, frames)

    def publish(self, method: str, params: dict[str, object]) -> None:
        self._seq += 1
        frames = wire.pack(Event(seq=self._seq, method=method, params=params))
        for identity in list(self._subscribers):
            self._send(identity, frames)

    def present(self) -> bool:
        """True while a client that asked for events is still connected."""
        self.publish(PING, {})
        return bool(self._subscribers)

    def _send(self, identity: bytes, frames: list[bytes]) -> None:
        """Never waits: a client that is gone, or that never reads, loses its subscription."""
        failed = send_now(self._socket, [identity, *frames])
        if failed is not None:
            self._subscribers.discard(identity)
            log.debug(fields("client_gone", client=identity.hex(), reason=failed))

    async def close(self) -> None:
        """Answer what is under way, for at most a second, then close."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._socket.close()
