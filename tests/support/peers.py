"""Peers of the broker's sockets that do as they please, and what the broker's process takes meanwhile."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psutil
import zmq

from lofi_common import wire
from lofi_common.messages import BrokerMessage, Event, Request, Response
from tests.support.stdio import WAIT_SEC


class Peer:
    """A DEALER under any identity, sending any frames."""

    def __init__(self, endpoint: str, identity: bytes | None = None, *, receive_hwm: int = 1000) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, receive_hwm)
        if identity is not None:
            self.socket.setsockopt(zmq.IDENTITY, identity)
        self.socket.connect(endpoint)

    def send(self, message: object) -> None:
        self.socket.send_multipart(wire.pack(message))

    def ask(self, number: int, method: str, **params: object) -> None:
        self.send(Request(id=number, method=method, params=params))

    def hears_nothing_for(self, seconds: float) -> bool:
        return not self.socket.poll(int(seconds * 1000))

    def take(self) -> Event | Response:
        assert self.socket.poll(int(WAIT_SEC * 1000)), "nothing came from the broker"
        return wire.unpack_front(self.socket.recv_multipart())

    def order(self) -> BrokerMessage:
        """What the broker tells a worker."""
        assert self.socket.poll(int(WAIT_SEC * 1000)), "nothing came from the broker"
        return wire.unpack_broker(self.socket.recv_multipart())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
        self._context.term()


def rss_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss / 1e6)
