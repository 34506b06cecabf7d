"""The connection of `AsyncLofi`: many requests at a time, answers in any order, one task that reads."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import NamedTuple

import msgspec
import zmq
import zmq.asyncio

from lofi_client.calls import Call, R
from lofi_client.post import Inbox, Post
from lofi_client.remote import Address
from lofi_client.sockets import BrokerSilent, closed, connected, disconnect, packed, what_was_lost
from lofi_common import wire
from lofi_common.errors import InternalError, LofiError, from_info
from lofi_common.messages import Event, Response

_UNDER_WAY = 32
"""Requests of one client that the broker takes at a time; more wait in here."""


class _Waiting(NamedTuple):
    answer: asyncio.Future[dict[str, object]]
    timer: asyncio.TimerHandle


class AsyncConnection:
    """For any number of tasks of one event loop. Once the broker has left, a new one is needed."""

    def __init__(self, address: Address) -> None:
        """Needs a running event loop. Raises InvalidParams for an endpoint that can't be one."""
        self._loop = asyncio.get_running_loop()
        self._context = zmq.asyncio.Context()
        self._socket, self._monitor = connected(self._context, address)
        self._ids = itertools.count(1)
        self._permits = asyncio.Semaphore(_UNDER_WAY)
        self._waiting: dict[int, _Waiting] = {}
        self._news: asyncio.Future[None] = self._loop.create_future()
        self._over: LofiError | None = None
        self.post = Post()
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._stopped_reading)

    async def call(self, call: Call[R]) -> R:
        """Send one request and wait for its response; others may be under way.

        Raises the LofiError that the broker answered, BrokerUnavailable when it left, or BrokerSilent. Who
        stops waiting takes nothing back: the broker may do what was asked.
        """
        params = msgspec.to_builtins(call.params)
        return call.answered(await self._request(call.method, params, call.timeout_sec))

    async def _request(self, method: str, params: dict[str, object], timeout_sec: float) -> dict[str, object]:
        number = next(self._ids)
        frames = packed(number, method, params)
        deadline = self._loop.time() + timeout_sec
        try:
            async with asyncio.timeout_at(deadline):
                await self._permits.acquire()
        except TimeoutError as error:
            raise BrokerSilent(
                f"{method} was not sent: the broker answered none of {_UNDER_WAY} requests within"
                f" {timeout_sec:g} s"
            ) from error
        if self._over is not None:
            self._permits.release()
            raise self._left()
        # The permit is given back by the answer, not by who waits for it: one whose task was cancelled is
        # still under way for the broker.
        answer: asyncio.Future[dict[str, object]] = self._loop.create_future()
        silent = BrokerSilent(f"the broker did not answer {method} within {timeout_sec:g} s")
        timer = self._loop.call_at(deadline, self._settle, number, silent)
        self._waiting[number] = _Waiting(answer, timer)
        try:
            await self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            self._settle(number, silent)
        return await answer

    def _settle(self, number: int, outcome: dict[str, object] | LofiError) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        waiting.timer.cancel()
        self._permits.release()
        if waiting.answer.done():  # cancelled
            return
        if isinstance(outcome, LofiError):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)

    async def next(self, inbox: Inbox, timeout_sec: float | None) -> Event | None:
        """The next event of an inbox; None when none comes in time. Raises BrokerUnavailable when the broker
        has left."""
        deadline = None if timeout_sec is None else self._loop.time() + timeout_sec
        while (event := inbox.take()) is None:
            if self._over is not None:
                raise self._left()
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.shield(self._news)
            except TimeoutError:
                return None
        return event

    async def _read(self) -> None:
        """Deliver what comes until the broker leaves; what it said before that comes first."""
        poller = zmq.asyncio.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            await asyncio.sleep(0)  # a socket that always has a message would leave nobody else a turn
            ready = dict(await poller.poll())
            if self._socket in ready:
                with contextlib.suppress(wire.WireError):
                    self._take(wire.unpack_front(await self._socket.recv_multipart()))
            elif self._monitor in ready:
                return self._end(what_was_lost(await self._monitor.recv_multipart()))

    def _take(self, message: Event | Response) -> None:
        if isinstance(message, Response):
            error = message.error
            self._settle(message.id, (message.result or {}) if error is None else from_info(error))
            return
        self.post.deliver(message)
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, self._loop.create_future()
        news.set_result(None)

    def _end(self, reason: LofiError) -> None:
        """Nothing more comes: whoever waits is told."""
        if self._over is not None:
            return
        self._over = reason
        for number in list(self._waiting):
            self._settle(number, self._left())
        self._wake()

    def _left(self) -> LofiError:
        """One for each who waits, since an exception belongs to one traceback."""
        assert self._over is not None
        return from_info(self._over.info())

    def _stopped_reading(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(InternalError(f"the connection can't be read any more: {error!r}"))

    async def close(self) -> None:
        """Whoever still waits gets BrokerUnavailable. A second time does nothing."""
        if self._context.closed:
            return
        self._end(closed())
        self._reading.cancel()
        try:
            await asyncio.wait([self._reading])
        finally:
            if not self._context.closed:  # by another task that closed it meanwhile
                disconnect(self._context, self._socket, self._monitor)
