"""What the broker's ROUTER sockets have in common: bounded buffers, so that no peer grows the broker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import zmq
import zmq.asyncio

from lofi_broker.doors import CLIENTS, Share, door_of_file
from lofi_common import wire

SENT_AHEAD = 4
_READ_AHEAD = 16
"""Messages of one connection, of at most 1 MiB each, that ZeroMQ holds."""
_HANDSHAKE_MS = 5_000
_KEPT_BYTES = 4 << 20
_KEPT_BYTES_OF_ALL = 32 << 20
_KEPT_SEC = 10.0
_RETRY_SEC = 0.001
_LONGEST_RETRY_SEC = 0.05
_RETRY_SEC_EACH = 0.0005
"""Those who stay behind are asked less often, the more of them there are."""


def router(context: zmq.asyncio.Context, sent_ahead: int = SENT_AHEAD) -> zmq.asyncio.Socket:
    """A ROUTER that refuses over-long messages and reports peers that are gone.

    A second peer with the identity of a live one is ignored: ZMQ_ROUTER_HANDOVER stays off.
    """
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
    socket.setsockopt(zmq.SNDHWM, sent_ahead)
    socket.setsockopt(zmq.RCVHWM, _READ_AHEAD)
    socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
    socket.setsockopt(zmq.LINGER, 1000)
    return socket


def local_router(
    context: zmq.asyncio.Context, endpoint: str, share: Share = CLIENTS, sent_ahead: int = SENT_AHEAD
) -> zmq.asyncio.Socket:
    """One that listens at an `ipc://` endpoint."""
    socket = router(context, sent_ahead)
    listen_at(socket, endpoint, share)
    return socket


def listen_at(socket: zmq.asyncio.Socket, endpoint: str, share: Share) -> None:
    """Bind to an `ipc://` endpoint, for no more connections than the share."""
    door_of_file(socket, Path(endpoint.removeprefix("ipc://")), share)
    socket.bind(endpoint)


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
        self.pause = _RETRY_SEC
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Outbox:
    """Messages to the peers of a ROUTER. Sending never waits.

    A peer that is slow has 4 MiB and 10 s of patience. All of them together have 32 MiB; then the one for
    which most waits is at its end. What waits for such a peer is dropped and `lost(identity, reason)` is
    called, as it is when a peer is gone.
    """

    def __init__(self, socket: zmq.asyncio.Socket, lost: Callable[[bytes, str], None]) -> None:
        self._socket = socket
        self._lost = lost
        self._backlogs: dict[bytes, _Backlog] = {}
        self.waiting_bytes = 0
        """For all peers together."""

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
            self._push_later(identity, backlog)
        backlog.messages.append(message)
        self._count(backlog, _size(message))
        if backlog.bytes > _KEPT_BYTES:
            self._drop(identity, f"{backlog.bytes} bytes wait for it")
        elif self.waiting_bytes > _KEPT_BYTES_OF_ALL:
            largest = max(self._backlogs, key=lambda each: self._backlogs[each].bytes)
            reason = (
                f"{self.waiting_bytes} bytes wait for all, {self._backlogs[largest].bytes} of them for it"
            )
            self._drop(largest, reason)

    async def close(self) -> None:
        """Give those that are behind a second more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while self._backlogs:
                    await asyncio.sleep(_RETRY_SEC)
        for backlog in self._backlogs.values():
            backlog.stop()

    def _count(self, backlog: _Backlog, size: int) -> None:
        backlog.bytes += size
        self.waiting_bytes += size

    def _push_later(self, identity: bytes, backlog: _Backlog) -> None:
        """ZeroMQ does not tell when a peer of a ROUTER has room again: ask, as long as it is behind."""
        loop = asyncio.get_running_loop()
        backlog.timer = loop.call_later(backlog.pause, self._push, identity, backlog)

    def _push(self, identity: bytes, backlog: _Backlog) -> None:
        now = time.monotonic()
        longest = _LONGEST_RETRY_SEC + _RETRY_SEC_EACH * len(self._backlogs)
        backlog.pause = min(2 * backlog.pause, longest)
        while backlog.messages:
            failed = send_now(self._socket, backlog.messages[0])
            if isinstance(failed, zmq.Again):
                if now - backlog.moved_at > _KEPT_SEC:
                    self._drop(identity, f"it has read nothing for {_KEPT_SEC:g} s")
                else:
                    self._push_later(identity, backlog)
                return
            if failed is not None:
                self._drop(identity, str(failed))
                return
            self._count(backlog, -_size(backlog.messages.popleft()))
            backlog.moved_at = now
            backlog.pause = _RETRY_SEC
        del self._backlogs[identity]

    def _drop(self, identity: bytes, reason: str) -> None:
        backlog = self._backlogs.pop(identity)
        backlog.stop()
        self._count(backlog, -backlog.bytes)
        self._lost(identity, reason)


def _size(message: list[bytes]) -> int:
    return sum(map(len, message))
