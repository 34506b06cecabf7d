"""What the broker's ROUTER sockets have in common: bounded buffers, so that no peer grows the broker."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import zmq
import zmq.asyncio

from lofi_common import wire

_SENT_AHEAD = 64
_READ_AHEAD = 16
"""Messages of one connection, of at most 1 MiB each, that ZeroMQ holds."""
_KEPT_BYTES = 4 << 20
_KEPT_SEC = 10.0
_RETRY_SEC = 0.005


def router(context: zmq.asyncio.Context) -> zmq.asyncio.Socket:
    """A ROUTER that refuses over-long messages and reports peers that are gone.

    A second peer with the identity of a live one is ignored: ZMQ_ROUTER_HANDOVER stays off.
    """
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
    socket.setsockopt(zmq.SNDHWM, _SENT_AHEAD)
    socket.setsockopt(zmq.RCVHWM, _READ_AHEAD)
    socket.setsockopt(zmq.LINGER, 1000)
    return socket


def local_router(context: zmq.asyncio.Context, endpoint: str) -> zmq.asyncio.Socket:
    """One that listens at an `ipc://` endpoint."""
    socket = router(context)
    socket.bind(endpoint)
    return socket


def send_now(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> BaseException | None:
    """Queue a message without waiting; the reason when the peer is gone or does not read."""
    sent = cast("asyncio.Future[object]", socket.send_multipart(frames, flags=zmq.NOBLOCK))
    failed = sent.exception()
    # Its traceback would keep the message alive until the garbage collector comes round.
    return failed.with_traceback(None) if failed is not None else None


class _Backlog:
    """What one peer has not taken yet, in order."""

    def __init__(self, now: float) -> None:
        self.messages: deque[list[bytes]] = deque()
        self.bytes = 0
        self.moved_at = now

    def add(self, message: list[bytes]) -> None:
        self.messages.append(message)
        self.bytes += sum(map(len, message))

    def taken(self, now: float) -> None:
        self.bytes -= sum(map(len, self.messages.popleft()))
        self.moved_at = now


class Outbox:
    """Messages to the peers of a ROUTER. Sending never waits.

    A peer that is slow has 4 MiB and 10 s of patience; then everything that waits for it is dropped and
    `lost(identity, reason)` is called, as it is when a peer is gone.
    """

    def __init__(self, socket: zmq.asyncio.Socket, lost: Callable[[bytes, str], None]) -> None:
        self._socket = socket
        self._lost = lost
        self._backlogs: dict[bytes, _Backlog] = {}
        self._flushing: asyncio.Task[None] | None = None

    def send(self, identity: bytes, frames: list[bytes]) -> None:
        message = [identity, *frames]
        backlog = self._backlogs.get(identity)
        if backlog is None:
            failed = send_now(self._socket, message)
            if failed is None:
                return
            if not isinstance(failed, zmq.Again):
                self._lost(identity, str(failed))
                return
            backlog = self._backlogs[identity] = _Backlog(time.monotonic())
        backlog.add(message)
        if backlog.bytes > _KEPT_BYTES:
            self._drop(identity, f"{backlog.bytes} bytes wait for it")
        elif self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def close(self) -> None:
        """Give those that are behind a second more."""
        if self._flushing is not None:
            await asyncio.wait({self._flushing}, timeout=1.0)
            self._flushing.cancel()

    async def _flush(self) -> None:
        """ZeroMQ does not tell when a peer of a ROUTER has room again: ask, as long as somebody is behind."""
        while self._backlogs:
            await asyncio.sleep(_RETRY_SEC)
            for identity, backlog in list(self._backlogs.items()):
                self._push(identity, backlog, time.monotonic())

    def _push(self, identity: bytes, backlog: _Backlog, now: float) -> None:
        while backlog.messages:
            failed = send_now(self._socket, backlog.messages[0])
            if isinstance(failed, zmq.Again):
                if now - backlog.moved_at > _KEPT_SEC:
                    self._drop(identity, f"it has read nothing for {_KEPT_SEC:g} s")
                return
            if failed is not None:
                self._drop(identity, str(failed))
                return
            backlog.taken(now)
        del self._backlogs[identity]

    def _drop(self, identity: bytes, reason: str) -> None:
        del self._backlogs[identity]
        self._lost(identity, reason)
