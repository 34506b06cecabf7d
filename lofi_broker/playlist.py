"""The list that is played: what comes next, and what an edit makes of it. No player and no files in here."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from lofi_common.api_playback import LoopMode


@dataclass(frozen=True)
class Item:
    """One place in a list. The same track may stand in several."""

    key: int
    """Tells it from all other items, wherever it is moved."""
    track_id: str
    continues: str | None = None
    """The track that it continues, sample for sample, where it stands behind that one."""


@dataclass(frozen=True)
class Playlist:
    """Never changed in place: each edit gives another list."""

    items: tuple[Item, ...] = ()
    index: int | None = None
    """Of the item that plays, or is to; None: none."""
    loop: LoopMode = "off"
    failed: frozenset[int] = frozenset()
    """Keys of items that could not be played: they are passed over."""

    @property
    def current(self) -> Item | None:
        return None if self.index is None else self.items[self.index]

    @property
    def behind(self) -> tuple[Item, ...]:
        """What stands after the current item."""
        return () if self.index is None else self.items[self.index + 1 :]

    def place(self, item: Item) -> int | None:
        """Where it stands; None when it was taken out."""
        return next((place for place, each in enumerate(self.items) if each.key == item.key), None)

    def holds(self, passing: Collection[str]) -> frozenset[str]:
        """The tracks in it; of those that are `passing` only what plays and what stands after it."""
        return frozenset(item.track_id for item in self.forgetting(passing).items)

    # what comes

    @property
    def coming(self) -> Item | None:
        """What the player has to have ready behind the current item; none while that one repeats."""
        return None if self.loop == "track" else self.forward().current

    def forward(self) -> Playlist:
        """At the next item that can be played, as somebody who skips wants it."""
        if self.index is None:
            return self
        after = range(self.index + 1, len(self.items))
        again = range(self.index + 1) if self.loop == "list" else range(0)
        return replace(self, index=self._first(itertools.chain(after, again)))

    def on(self) -> Playlist:
        """At what plays when the current item has ended."""
        if self.loop == "track" and self.current is not None and self.current.key not in self.failed:
            return self
        return self.forward()

    def back(self) -> Playlist:
        """At the item before that can be played; where there is none, where it is."""
        if self.index is None:
            return self
        before = reversed(range(self.index))
        last = reversed(range(self.index, len(self.items))) if self.loop == "list" else range(0)
        found = self._first(itertools.chain(before, last))
        return self if found is None else replace(self, index=found)

    def begun(self) -> Playlist:
        """At the first item that can be played."""
        return replace(self, index=self._first(range(len(self.items))))

    def at(self, item: Item) -> Playlist:
        """At this item; where it was taken out meanwhile, at what follows the current one."""
        place = self.place(item)
        return self.forward() if place is None else replace(self, index=place)

    def _first(self, places: Iterable[int]) -> int | None:
        return next((place for place in places if self.items[place].key not in self.failed), None)

    # edits

    def added(self, items: Iterable[Item], index: int | None = None) -> Playlist:
        """With these before the item at `index`, or at the end; what plays stays what plays."""
        new = tuple(items)
        at = len(self.items) if index is None else min(index, len(self.items))
        current = self.index
        if current is not None and at <= current:
            current += len(new)
        return replace(self, items=self.items[:at] + new + self.items[at:], index=current)

    def removed(self, index: int) -> Playlist:
        """Without that item. Where it is the one that plays, its successor is the current one."""
        item = self.items[index]
        rest = self.items[:index] + self.items[index + 1 :]
        if self.index is None or index > self.index:
            return replace(self, items=rest, failed=self.failed - {item.key})
        if index < self.index:
            return replace(self, items=rest, index=self.index - 1, failed=self.failed - {item.key})
        after = self.forward().current
        smaller = replace(self, items=rest, index=None, failed=self.failed - {item.key})
        return smaller if after is None or after is item else smaller.at(after)

    def cleared(self) -> Playlist:
        """Only what plays is left."""
        current = self.current
        if current is None:
            return Playlist(loop=self.loop)
        return Playlist((current,), 0, self.loop, self.failed & {current.key})

    def forgetting(self, track_ids: Collection[str]) -> Playlist:
        """Without those of these tracks that stand before the current item."""
        index = self.index or 0
        kept = tuple(item for item in self.items[:index] if item.track_id not in track_ids)
        if len(kept) == index:
            return self
        return replace(self, items=kept + self.items[index:], index=len(kept))

    def without(self, item: Item) -> Playlist:
        """The same, with an item that can't be played."""
        return replace(self, failed=self.failed | {item.key})

    def looped(self, mode: LoopMode) -> Playlist:
        return replace(self, loop=mode)


@dataclass
class Items:
    """Gives each item a key of its own."""

    _keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def of(self, track_ids: Iterable[str], *, continues: str | None = None) -> tuple[Item, ...]:
        return tuple(Item(next(self._keys), track_id, continues) for track_id in track_ids)
