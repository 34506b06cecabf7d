"""The socket to the clients: requests in, exactly one response each, events to those who asked for them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import zmq.asyncio

from lofi_broker.sockets import Outbox
from lofi_common import wire
from lofi_common.errors import InvalidRequest, LofiError
from lofi_common.logs import fields
from lofi_common.messages import Event, Request, Response

log = logging.getLogger(__name__)

_UNDER_WAY = 32
"""Requests of one client that wait for their answers; more are refused."""

_PING_EVERY = 100
"""New subscriptions after which those that are gone are looked for."""

Handler = Callable[[str, dict[str, object]], Awaitable[dict[str, object]]]

PING = "ping"
"""An event without meaning, sent to learn which clients are still there. Clients ignore it."""

GOODBYE = "goodbye"
"""The last event of a broker that leaves in order, with its `reason`."""


class ClientLink:
    """A ROUTER. Answers and events of one client go through one socket, so they stay in order."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        """socket: a `router`, bound already. It is closed with the link."""
        self._socket = socket
        self._outbox = Outbox(self._socket, self._lost)
        self._subscribers: set[bytes] = set()
        self._subscribed = 0
        self._under_way: Counter[bytes] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._seq = 0

    async def listen(self, handler: Handler) -> None:
        """Serve requests until cancelled. What is not a request is dropped: it has no id to answer to."""
        while True:
            await asyncio.sleep(0)  # a socket that always has a message would leave nobody else a turn
            identity, *frames = await self._socket.recv_multipart()
            try:
                request = wire.unpack_request(frames)
            except wire.WireError as error:
                log.warning(fields("client_message_dropped", client=identity.hex(), reason=error))
                continue
            if self._under_way[identity] >= _UNDER_WAY:
                refused = InvalidRequest(
                    f"{_UNDER_WAY} requests of this client are under way",
                    recovery="Wait for an answer before the next request.",
                )
                self._outbox.send(identity, wire.pack(Response(id=request.id, error=refused.info())))
                continue
            self._under_way[identity] += 1
            task = asyncio.create_task(self._answer(identity, request, handler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, identity: bytes, request: Request, handler: Handler) -> None:
        try:
            response = Response(id=request.id, result=await handler(request.method, request.params))
        except LofiError as error:
            response = Response(id=request.id, error=error.info())
        finally:
            self._under_way[identity] -= 1
            if not self._under_way[identity]:
                del self._under_way[identity]
        if request.method == "initialize" and response.error is None and request.params.get("events"):
            self._subscribe(identity)
        try:
            frames = wire.pack(response)
        except wire.WireError as error:
            frames = wire.pack(Response(id=request.id, error=LofiError(str(error)).info()))
        self._outbox.send(identity, frames)

    def _subscribe(self, identity: bytes) -> None:
        """Without events, nothing would tell of subscribers that are gone."""
        self._subscribers.add(identity)
        self._subscribed += 1
        if self._subscribed % _PING_EVERY == 0:
            self.publish(PING, {})

    def publish(self, method: str, params: dict[str, object]) -> None:
        self._seq += 1
        try:
            frames = wire.pack(Event(seq=self._seq, method=method, params=params))
        except wire.WireError as error:  # the gap in `seq` shows; who waits asks how it ended
            log.error(fields("event_dropped", method=method, reason=error))
            return
        for identity in list(self._subscribers):
            self._outbox.send(identity, frames)

    def present(self) -> bool:
        """True while a client that asked for events is still connected."""
        self.publish(PING, {})
        return bool(self._subscribers)

    def _lost(self, identity: bytes, reason: str) -> None:
        """A client that is gone, or that never reads, loses its subscription."""
        self._subscribers.discard(identity)
        log.debug(fields("client_gone", client=identity.hex(), reason=reason))

    async def close(self, reason: str | None = None) -> None:
        """Answer what is under way, for at most a second, then close. With a reason, say goodbye."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if reason is not None:
            self.publish(GOODBYE, {"reason": reason})
        await self._outbox.close()
        self._socket.close()
