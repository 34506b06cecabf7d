"""Gives each event to those who want it. No sockets in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol
from weakref import WeakSet

from lofi_common.messages import Event

Wanted = Callable[[Event], bool]

_KEPT_EVENTS = 10_000


class Reader(Protocol):
    def offer(self, event: Event) -> bool:
        """True when the event is this reader's and need not be kept for others."""
        ...


class Inbox:
    """Events for one reader, until they are taken. When that never happens, the oldest are dropped."""

    def __init__(self, wanted: Wanted, events: Iterable[Event] = (), *, claims: bool = True) -> None:
        self._wanted = wanted
        self._claims = claims
        self._events = deque(events, _KEPT_EVENTS)

    def offer(self, event: Event) -> bool:
        if not self._wanted(event):
            return False
        self._events.append(event)
        return self._claims

    def take(self) -> Event | None:
        return self._events.popleft() if self._events else None


class Tap:
    """Calls a function with each event as it comes."""

    def __init__(self, told: Callable[[Event], None]) -> None:
        self._told = told

    def offer(self, event: Event) -> bool:
        self._told(event)
        return False


class Post:
    """Knows its readers for as long as somebody else holds them. What none of them wants is kept: events of a
    track may come before the answer that says which track it is."""

    def __init__(self) -> None:
        self._readers: WeakSet[Reader] = WeakSet()
        self._unclaimed: deque[Event] = deque(maxlen=_KEPT_EVENTS)

    def deliver(self, event: Event) -> None:
        claimed = [reader.offer(event) for reader in list(self._readers)]
        if not any(claimed):
            self._unclaimed.append(event)

    def add(self, reader: Reader) -> None:
        self._readers.add(reader)

    def claim(self, wanted: Wanted) -> Inbox:
        """An inbox for what is wanted, with what has come of it and nobody wanted."""
        inbox = Inbox(wanted, filter(wanted, self._unclaimed))
        self.forget(wanted)
        self.add(inbox)
        return inbox

    def copies(self) -> Inbox:
        """An inbox for everything from now on, that takes nothing from other readers."""
        inbox = Inbox(lambda event: True, claims=False)
        self.add(inbox)
        return inbox

    def take(self) -> Event | None:
        """The oldest event that nobody wanted."""
        return self._unclaimed.popleft() if self._unclaimed else None

    def forget(self, unwanted: Wanted) -> None:
        """Drop those of the kept events that are of no use any more."""
        self._unclaimed = deque((event for event in self._unclaimed if not unwanted(event)), _KEPT_EVENTS)
