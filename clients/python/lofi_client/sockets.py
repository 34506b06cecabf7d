"""The socket to a broker and the one that tells of its end, for whoever reads them."""

from __future__ import annotations

import struct
from typing import Any, TypeVar

import zmq
from zmq.utils import z85

from lofi_client.remote import Address
from lofi_common import wire
from lofi_common.errors import BrokerUnavailable, InvalidParams
from lofi_common.messages import Request

_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)

S = TypeVar("S", bound="zmq.Socket[Any]")


class BrokerSilent(BrokerUnavailable):
    """Connected or not, nothing came back in time."""

    hint = "`lofi doctor` tells whether the broker answers at all, and how to end one that does not."


def connected(context: zmq.Context[S], address: Address) -> tuple[S, S]:
    """A DEALER that connects, and its monitor. Raises InvalidParams for what is no endpoint."""
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
    monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | _REFUSED)
    try:
        if address.keys is not None:
            socket.setsockopt(zmq.CURVE_SERVERKEY, address.keys.broker)
            socket.setsockopt(zmq.CURVE_SECRETKEY, address.keys.secret)
            socket.setsockopt(zmq.CURVE_PUBLICKEY, public_key(address.keys.secret))
        socket.connect(address.endpoint)
    except zmq.ZMQError as error:
        disconnect(context, socket, monitor)
        raise InvalidParams(
            f"can't connect to {address.endpoint}: {error}", recovery=address.advice
        ) from error
    return socket, monitor


def disconnect(context: zmq.Context[S], socket: S, monitor: S) -> None:
    socket.disable_monitor()
    monitor.close()
    socket.close()
    context.term()


def closed() -> BrokerUnavailable:
    """What is told to whoever uses a client after its end."""
    return BrokerUnavailable("this client was closed", recovery="Connect again.")


def packed(number: int, method: str, params: dict[str, object]) -> list[bytes]:
    """The frames of a request. Raises InvalidParams for one that is too large."""
    try:
        return wire.pack(Request(id=number, method=method, params=params))
    except wire.WireError as error:
        raise InvalidParams(f"{method}: {error}") from error


def what_was_lost(frames: list[bytes]) -> BrokerUnavailable:
    """What a message of the monitor means."""
    # libzmq's own format: the event's bit in 16 bits, a value in 32. pyzmq's parser would import asyncio.
    event, _ = struct.unpack("=Hi", frames[0])
    if event & _REFUSED:
        return BrokerUnavailable(
            "the broker refused the connection: it does not know this machine's key, or has another one than"
            " LOFI_BROKER says",
            recovery="`lofi keys`, here and there, shows the keys.",
        )
    return BrokerUnavailable("the broker left")


def public_key(secret: bytes) -> bytes:
    """The public half of a secret CURVE key, 32 bytes each."""
    public: bytes = z85.decode(zmq.curve_public(z85.encode(secret)))
    return public
