"""What happens, as asynchronous iterators over one connection."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

from lofi_client import calls
from lofi_client.async_connection import AsyncConnection
from lofi_client.calls import Order, R
from lofi_client.following import Following, GenerationEvent, TrackFollowing, Verdict, notification
from lofi_common import api
from lofi_common.errors import BrokerUnavailable

T = TypeVar("T")


class AsyncFollowed(AsyncIterator[T]):
    """The events that a `Following` wants, up to its end. A cancelled wait loses none of them."""

    def __init__(self, connection: AsyncConnection, following: Following[T, R]) -> None:
        self._connection = connection
        self._following = following
        self._inbox = connection.post.claim(following.wants)

    async def __anext__(self) -> T:
        following = self._following
        try:
            while not following.over:
                event = await self._connection.next(self._inbox, following.wait_sec(time.monotonic()))
                if event is not None:
                    return following.heard(event, time.monotonic())
                if (end := following.known()) is not None:
                    return end
                if following.asks(time.monotonic()):
                    answer = await self._connection.call(following.question(time.monotonic()))
                    following.answered(answer, time.monotonic())
        except BrokerUnavailable as error:
            raise following.lost(error, time.monotonic()) from error
        raise StopAsyncIteration


class AsyncListened(AsyncIterator[api.Result]):
    """Every notification, in its type."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._inbox = connection.post.copies()

    async def __anext__(self) -> api.Result:
        while True:
            event = await self._connection.next(self._inbox, None)
            told = notification(event) if event is not None else None
            if told is not None:
                return told


class AsyncGeneration(AsyncIterator[GenerationEvent], Awaitable["AsyncGeneration"]):
    """What happens to a track: first its GenerateResult, last its GenerationComplete.

    It is asked for when the iteration begins, or by `await`, which gives this object back. A track that fails
    raises its LofiError, one that is cancelled GenerationCancelled; TimeoutError and BrokerUnavailable as for
    `AsyncLofi.follow`. Who stops listening does not cancel it.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        order: Order,
        submit: Callable[[api.GenerateParams], Coroutine[Any, Any, api.GenerateResult]],
    ) -> None:
        self._connection = connection
        self._order = order
        self._submit = submit
        self._submission: asyncio.Task[api.GenerateResult] | None = None
        self._events: AsyncFollowed[Any] | None = None
        self._verdict = Verdict(order.params)

    def __del__(self) -> None:
        if self._submission is None:
            call = f"generate({self._order.params.prompt!r})"
            words = f"a track was never asked for: await or iterate over {call}"
            warnings.warn(words, RuntimeWarning, stacklevel=2)

    @property
    def accepted(self) -> api.GenerateResult:
        """Raises RuntimeError before the track was asked for."""
        if self._submission is None or not self._submission.done():
            raise RuntimeError("the track was not asked for yet: await the generation, or iterate over it")
        return self._submission.result()

    @property
    def track_id(self) -> str:
        return self.accepted.track_id

    def __await__(self) -> Generator[Any, None, AsyncGeneration]:
        return self._begun().__await__()

    async def _begun(self) -> AsyncGeneration:
        """Ask once, even if whoever waits for the answer is cancelled and comes again."""
        if self._submission is None:
            self._submission = asyncio.create_task(self._submit(self._order.params))
            self._submission.add_done_callback(_seen)
        await asyncio.shield(self._submission)
        return self

    async def __anext__(self) -> GenerationEvent:
        if self._events is None:
            await self._begun()
            following = TrackFollowing(self.track_id, time.monotonic(), self._order.timeout_sec)
            self._events = AsyncFollowed(self._connection, following)
            return self.accepted
        self._verdict.after()
        return self._verdict.on(await anext(self._events))

    async def result(self) -> api.GenerationComplete:
        """Wait for the finished track. Raises as the iteration does."""
        async for _ in self:
            continue
        return self._verdict.track()

    async def cancel(self) -> api.CancelResult:
        """Cancel it, for everybody who waits for it. Raises InvalidTrackId when it has ended."""
        return await self._connection.call(calls.cancel(self.track_id))


def _seen(task: asyncio.Task[api.GenerateResult]) -> None:
    """Whoever waits gets the exception; that nobody does is no mistake."""
    if not task.cancelled():
        task.exception()
