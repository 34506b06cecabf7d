"""The pieces of the radio that the playback was given, in its order. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from lofi_broker import radio_events as ev
from lofi_broker.radio_events import Piece

KEPT_BEHIND = 10
"""Tracks that were heard and stay in the list, to go back to."""


@dataclass
class Item:
    """A piece that has a job, or had one."""

    track_id: str
    piece: Piece
    begun: bool = False
    """A worker has it."""
    made: bool = False
    over: bool = False
    """The playback has left it behind."""


class Line:
    """Follows the playback's list, as far as it is the radio's."""

    def __init__(self) -> None:
        self.now: Item | None = None
        """What is heard."""
        self.going = False
        """Whether the playback has something to play."""
        self._items: list[Item] = []

    def __contains__(self, item: Item) -> bool:
        return item in self._items

    def upcoming(self) -> list[Item]:
        return [item for item in self._items if not item.over and item is not self.now]

    def stale(self, era: int) -> list[Item]:
        """What was not heard yet and has a prompt that somebody has changed since."""
        return [item for item in self.upcoming() if item.piece.era < era]

    def play(self, items: Sequence[Item]) -> list[ev.Action]:
        """Let these be heard, from the first on."""
        self._items = [each for each in self._items if each not in items]
        self._items.append(items[0])
        self.going = True
        return [ev.Play(items[0].track_id), *(action for item in items[1:] for action in self.add(item))]

    def add(self, item: Item) -> list[ev.Action]:
        """Let it be heard after what is there; where nothing is heard, it is `ready`."""
        self._items.append(item)
        return [ev.Add(item.track_id, item.piece.continue_from)] if self.going else []

    def ready(self) -> list[Item]:
        """What could be heard, while nothing is."""
        return [] if self.going else [item for item in self.upcoming() if item.made]

    def drop(self, items: Sequence[Item]) -> list[ev.Action]:
        """Take these out; nobody needs them any more."""
        self._items = [item for item in self._items if item not in items]
        dropped: list[ev.Action] = [ev.Drop(item.track_id) for item in items]
        return dropped + [ev.Delete(item.track_id) for item in items if item.piece.segment]

    def heard(self, track_id: str) -> bool:
        """The playback has begun with it; False where it is none of these."""
        place = next((place for place, item in enumerate(self._items) if item.track_id == track_id), None)
        if place is None:
            return False
        for each, item in enumerate(self._items):
            item.over = each < place
        self.now = self._items[place]
        return True

    def lost(self, track_id: str) -> None:
        """The playback has passed over it."""
        for item in self.upcoming():
            item.over = item.over or item.track_id == track_id

    def stopped(self, *, failed: bool) -> None:
        """The playback has stopped. failed: in the middle of what was heard, which is to be heard again."""
        rest = self.upcoming()
        if failed and self.now is not None:
            rest.insert(0, self.now)
        self.now, self.going = None, False
        for item in self._items:
            item.over = item not in rest

    def clear(self, needed: Set[str]) -> list[ev.Action]:
        """Forget what was heard, but for the segments that are `needed`; the last tracks stay in the list."""
        over = [item for item in self._items if item.over]
        segments = [item for item in over if item.piece.segment and item.track_id not in needed]
        tracks = [item for item in over if not item.piece.segment]
        return self.drop(segments + tracks[: max(0, len(tracks) - KEPT_BEHIND)])

    def end(self) -> list[ev.Action]:
        """What is left to do when the radio ends."""
        self.now = None
        return [ev.Delete(item.track_id) for item in self._items if item.piece.segment]
