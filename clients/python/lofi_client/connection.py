"""One socket to the broker: requests and their responses in order, events for those who want them."""

from __future__ import annotations

import itertools
import math
import time

import msgspec
import zmq

from lofi_client.calls import Call, R
from lofi_client.post import Inbox, Post
from lofi_client.remote import Address
from lofi_client.sockets import BrokerSilent, closed, connected, disconnect, packed, what_was_lost
from lofi_common import wire
from lofi_common.errors import BrokerUnavailable, from_info
from lofi_common.messages import Event, Response


class Connection:
    """Not for use from several threads. Once the broker has left, a new one is needed."""

    def __init__(self, address: Address) -> None:
        """Raises InvalidParams for an endpoint that can't be one."""
        self._context = zmq.Context()
        self._socket, self._monitor = connected(self._context, address)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._ids = itertools.count(1)
        self._lost: BrokerUnavailable | None = None
        self.post = Post()

    def call(self, call: Call[R]) -> R:
        """Send one request and wait for its response.

        Raises the LofiError that the broker answered, BrokerUnavailable when it left, or BrokerSilent.
        """
        params = msgspec.to_builtins(call.params)
        return call.answered(self.request(call.method, params, call.timeout_sec))

    def request(self, method: str, params: dict[str, object], timeout_sec: float) -> dict[str, object]:
        """As `call`, without types."""
        if self._lost is not None:  # what is sent now would reach the next broker, which does not know us
            raise self._left(self._lost)
        number = next(self._ids)
        self._socket.send_multipart(packed(number, method, params))
        deadline = time.monotonic() + timeout_sec
        while True:
            message = self._receive(deadline)
            if message is None:
                raise BrokerSilent(f"the broker did not answer {method} within {timeout_sec:g} s")
            if isinstance(message, Response) and message.id == number:
                if message.error is not None:
                    raise from_info(message.error)
                return message.result or {}

    def next(self, inbox: Inbox, timeout_sec: float) -> Event | None:
        """The next event of an inbox; None when none comes in time. Raises BrokerUnavailable when the broker
        leaves."""
        return self._await(inbox, time.monotonic() + timeout_sec)

    def event(self, timeout_sec: float) -> Event | None:
        """The next event that is in no inbox, as `next`."""
        return self._await(self.post, time.monotonic() + timeout_sec)

    def _await(self, place: Inbox | Post, deadline: float) -> Event | None:
        while (event := place.take()) is None:
            if self._receive(deadline) is None:
                return None
        return event

    def _receive(self, deadline: float) -> Event | Response | None:
        """The next well-formed message, None at the deadline. Events are delivered."""
        while True:
            patience = 0.0 if self._lost is not None else max(0.0, deadline - time.monotonic())
            ready = dict(self._poller.poll(math.ceil(patience * 1000)))
            if self._socket in ready:
                try:
                    message = wire.unpack_front(self._socket.recv_multipart())
                except wire.WireError:
                    continue
                if isinstance(message, Event):
                    self.post.deliver(message)
                return message
            if self._monitor in ready:
                self._lost = what_was_lost(self._monitor.recv_multipart())
            if self._lost is not None:
                raise self._left(self._lost)
            return None

    def _left(self, reason: BrokerUnavailable) -> BrokerUnavailable:
        """A new one each time, since an exception belongs to one traceback."""
        return BrokerUnavailable(str(reason), recovery=reason.recovery)

    def close(self) -> None:
        """Who asks later gets BrokerUnavailable. A second time does nothing."""
        if self._context.closed:
            return
        self._lost = closed()
        self._poller.unregister(self._socket)
        self._poller.unregister(self._monitor)
        disconnect(self._context, self._socket, self._monitor)
