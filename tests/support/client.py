"""A ZeroMQ client of the broker, as raw as the protocol."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import zmq

from lofi_common import wire
from lofi_common.messages import Event, Request, Response
from tests.support.stdio import WAIT_SEC


class RawClient:
    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(endpoint)
        self._next_id = 0
        self.events: list[Event] = []

    def send_frames(self, *frames: bytes) -> None:
        self._socket.send_multipart(frames)

    def take(self) -> Event | Response:
        assert self._socket.poll(int(WAIT_SEC * 1000)), "nothing came from the broker"
        message = wire.unpack_front(self._socket.recv_multipart())
        if isinstance(message, Event):
            self.events.append(message)
        return message

    def request(self, method: str, **params: object) -> Response:
        self._next_id += 1
        self._socket.send_multipart(wire.pack(Request(id=self._next_id, method=method, params=params)))
        while True:
            message = self.take()
            if isinstance(message, Response) and message.id == self._next_id:
                return message

    def call(self, method: str, **params: object) -> dict[str, Any]:
        response = self.request(method, **params)
        assert response.result is not None, response
        return response.result

    def wait(self, method: str) -> dict[str, Any]:
        while not any(event.method == method for event in self.events):
            self.take()
        return next(event.params for event in self.events if event.method == method)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._context.term()
