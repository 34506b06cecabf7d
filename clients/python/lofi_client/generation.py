"""What happens, as iterators over one connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeVar

from lofi_client import calls
from lofi_client.calls import Order, R
from lofi_client.connection import Connection
from lofi_client.following import Following, GenerationEvent, TrackFollowing, Verdict, notification
from lofi_common import api
from lofi_common.errors import BrokerUnavailable

T = TypeVar("T")

_WHILE_SEC = 60.0


class Followed(Iterator[T]):
    """The events that a `Following` wants, up to its end."""

    def __init__(self, connection: Connection, following: Following[T, R]) -> None:
        self._connection = connection
        self._following = following
        self._inbox = connection.post.claim(following.wants)

    def __next__(self) -> T:
        following = self._following
        try:
            while not following.over:
                event = self._connection.next(self._inbox, following.wait_sec(time.monotonic()))
                if event is not None:
                    return following.heard(event, time.monotonic())
                if (end := following.known()) is not None:
                    return end
                if following.asks(time.monotonic()):
                    answer = self._connection.call(following.question(time.monotonic()))
                    following.answered(answer, time.monotonic())
        except BrokerUnavailable as error:
            raise following.lost(error, time.monotonic()) from error
        raise StopIteration


class Listened(Iterator[api.Result]):
    """Every notification, in its type."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = connection.post.copies()

    def __next__(self) -> api.Result:
        while True:
            event = self._connection.next(self._inbox, _WHILE_SEC)
            told = notification(event) if event is not None else None
            if told is not None:
                return told


class Generation(Iterator[GenerationEvent]):
    """What happens to a track that was asked for: first the GenerateResult, last its GenerationComplete.

    A track that fails raises its LofiError, one that is cancelled GenerationCancelled. TimeoutError and
    BrokerUnavailable as for `Lofi.follow`. Who stops listening does not cancel it.
    """

    def __init__(self, connection: Connection, accepted: api.GenerateResult, order: Order) -> None:
        self.accepted = accepted
        self._connection = connection
        following = TrackFollowing(accepted.track_id, time.monotonic(), order.timeout_sec)
        self._events = Followed(connection, following)
        self._verdict = Verdict(order.params)
        self._begun = False

    @property
    def track_id(self) -> str:
        return self.accepted.track_id

    def __next__(self) -> GenerationEvent:
        if not self._begun:
            self._begun = True
            return self.accepted
        self._verdict.after()
        return self._verdict.on(next(self._events))

    def result(self) -> api.GenerationComplete:
        """Wait for the finished track. Raises as the iteration does."""
        for _ in self:
            continue
        return self._verdict.track()

    def cancel(self) -> api.CancelResult:
        """Cancel it, for everybody who waits for it. Raises InvalidTrackId when it has ended."""
        return self._connection.call(calls.cancel(self.track_id))
