"""`lofi-broker --stdio` beside a running broker: the same front end, its requests passed on."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable

import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from lofi_broker.client_link import GOODBYE, PING
from lofi_common import PROTOCOL, wire
from lofi_common.errors import BrokerUnavailable, InvalidParams, InvalidRequest, from_info
from lofi_common.logs import fields
from lofi_common.messages import Event, Request, Response

log = logging.getLogger(__name__)

_LAST_WORDS_SEC = 0.2
"""For what a broker that is gone has sent, and nobody has read yet."""

Notify = Callable[[str, dict[str, object]], None]


class OtherProtocol(InvalidRequest):
    """The broker that runs is of another version: so it stays until its user changes that."""

    hint = "End it with `lofi broker stop`, or install the same version of both."


class Relay:
    """A client of the running broker, used as a front end's backend."""

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, wire.MAX_BYTES)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket.connect(endpoint)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}

    async def greet(self) -> None:
        """Ask for all notifications. Raises BrokerUnavailable, OtherProtocol."""
        params: dict[str, object] = {"client": "lofi-broker relay", "protocol": PROTOCOL, "events": True}
        try:
            async with asyncio.timeout(5.0):
                await self.call("initialize", params)
        except TimeoutError:
            raise BrokerUnavailable(
                "the running broker does not answer", recovery="`lofi doctor` tells how to end it."
            ) from None
        except InvalidRequest as error:
            raise OtherProtocol(f"the running broker refuses: {error}") from error

    async def call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """Pass one request on. Raises what the broker raised, BrokerUnavailable when it left meanwhile."""
        request = Request(id=next(self._ids), method=method, params=params)
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answer
        try:
            await self._socket.send_multipart(wire.pack(request))
            return await answer
        except wire.WireError as error:
            raise InvalidParams(f"{method}: {error}") from error
        finally:
            del self._waiting[request.id]

    async def run(self, notify: Notify) -> str | None:
        """Pass answers and notifications back until the broker leaves; returns why, if it says."""
        listening = asyncio.create_task(self._listen(notify))
        lost = asyncio.create_task(self._disconnected())
        try:
            await asyncio.wait({listening, lost}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({listening}, timeout=_LAST_WORDS_SEC)
            reason = listening.result() if listening.done() else None
        finally:
            listening.cancel()
            lost.cancel()
        log.warning(fields("broker_left", reason=reason))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BrokerUnavailable("the broker left before it answered"))
        return reason

    async def _disconnected(self) -> None:
        await recv_monitor_message(self._monitor)

    async def _listen(self, notify: Notify) -> str:
        """Until the broker says goodbye; returns its reason."""
        while True:
            await asyncio.sleep(0)  # a flood of notifications leaves the editor its turn
            try:
                message = wire.unpack_front(await self._socket.recv_multipart())
            except wire.WireError as error:
                log.warning(fields("broker_message_dropped", reason=error))
                continue
            match message:
                case Event(method=method, params=params) if method == GOODBYE:
                    return str(params["reason"])
                case Event(method=method, params=params) if method != PING:
                    notify(method, params)
                case Response() if message.id in self._waiting:
                    answer = self._waiting[message.id]
                    if answer.done():
                        log.warning(fields("second_answer_dropped", id=message.id))
                    elif message.error is not None:
                        answer.set_exception(from_info(message.error))
                    else:
                        answer.set_result(message.result or {})

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()
        self._context.term()
