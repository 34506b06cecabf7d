"""One socket to the broker: requests and their responses in order, events kept until they are asked for."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from lofi_common import wire
from lofi_common.errors import BrokerUnavailable, InvalidParams, from_info
from lofi_common.messages import Event, Request, Response

_KEPT_EVENTS = 10_000
_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)


class BrokerSilent(BrokerUnavailable):
    """Connected or not, nothing came back in time."""

    hint = "`lofi doctor` tells whether the broker answers at all, and how to end one that does not."


class CurveKeys(NamedTuple):
    """What a TCP connection is encrypted with: our secret key and the broker's public one, 32 bytes each."""

    secret: bytes
    broker: bytes


class Connection:
    """Not for use from several threads."""

    def __init__(self, endpoint: str, keys: CurveKeys | None = None) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED | _REFUSED)
        if keys is not None:
            self._socket.setsockopt(zmq.CURVE_SERVERKEY, keys.broker)
            self._socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)
            self._socket.setsockopt(zmq.CURVE_PUBLICKEY, public_key(keys.secret))
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(endpoint)
        self._ids = itertools.count(1)
        self._events: deque[Event] = deque(maxlen=_KEPT_EVENTS)

    def call(
        self,
        method: str,
        params: dict[str, object],
        timeout_sec: float,
        meanwhile: Callable[[Event], None] | None = None,
    ) -> dict[str, object]:
        """Send one request and wait for its response; `meanwhile` sees the events that come before it, which
        are kept as well.

        Raises the LofiError that the broker answered, BrokerUnavailable when it left, or BrokerSilent.
        """
        request = Request(id=next(self._ids), method=method, params=params)
        try:
            self._socket.send_multipart(wire.pack(request))
        except wire.WireError as error:
            raise InvalidParams(f"{method}: {error}") from error
        deadline = time.monotonic() + timeout_sec
        while True:
            message = self._receive(deadline)
            if message is None:
                raise BrokerSilent(f"the broker did not answer {method} within {timeout_sec:g} s")
            if isinstance(message, Event):
                self._events.append(message)
                if meanwhile is not None:
                    meanwhile(message)
            elif message.id == request.id:
                if message.error is not None:
                    raise from_info(message.error)
                return message.result or {}

    def event(self, timeout_sec: float) -> Event | None:
        """The next event; None when none comes in time. Raises BrokerUnavailable when the broker leaves."""
        if self._events:
            return self._events.popleft()
        deadline = time.monotonic() + timeout_sec
        while (message := self._receive(deadline)) is not None:
            if isinstance(message, Event):
                return message
        return None

    def forget(self, unwanted: Callable[[Event], bool]) -> None:
        """Drop those of the kept events that came before now and are of no use any more."""
        self._events = deque((event for event in self._events if not unwanted(event)), _KEPT_EVENTS)

    def _receive(self, deadline: float) -> Event | Response | None:
        """The next well-formed message, None at the deadline."""
        while True:
            ready = dict(self._poller.poll(max(0, int((deadline - time.monotonic()) * 1000))))
            if self._socket in ready:
                try:
                    return wire.unpack_front(self._socket.recv_multipart())
                except wire.WireError:
                    continue
            if self._monitor in ready:
                raise _lost(recv_monitor_message(self._monitor)["event"])
            return None

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._context.term()


def public_key(secret: bytes) -> bytes:
    """The public half of a secret CURVE key, 32 bytes each."""
    public: bytes = z85.decode(zmq.curve_public(z85.encode(secret)))
    return public


def _lost(event: int) -> BrokerUnavailable:
    if event & _REFUSED:
        return BrokerUnavailable(
            "the broker refused the connection: it does not know this machine's key, or has another one than"
            " LOFI_BROKER says",
            recovery="`lofi keys`, here and there, shows the keys.",
        )
    return BrokerUnavailable("the broker left")
