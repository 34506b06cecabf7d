"""What both of the broker's ROUTER sockets have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import zmq
import zmq.asyncio

from lofi_common import wire


def bind_router(context: zmq.asyncio.Context, endpoint: str) -> zmq.asyncio.Socket:
    """A ROUTER that refuses over-long messages and reports peers that are gone."""
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.bind(endpoint)
    return socket


def send_now(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> BaseException | None:
    """Queue a message without waiting; the reason when the peer is gone or does not read."""
    sent = cast("asyncio.Future[object]", socket.send_multipart(frames, flags=zmq.NOBLOCK))
    return sent.exception()
