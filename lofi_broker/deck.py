"""What the player has: the track that it plays, and the one that comes next."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lofi_broker.player_process import PlayerProcess, Start
from lofi_broker.playlist import Item, Playlist
from lofi_broker.remembered import Remembered
from lofi_broker.sounds import Sound, Sounds
from lofi_common import player_messages as player
from lofi_common.config import Config
from lofi_common.errors import InvalidTrackId, LofiError


@dataclass
class Given:
    """An item that the player plays, or has to play next, under this number."""

    number: int
    item: Item
    sound: Sound
    gain_db: float
    hold: tuple[float, float] | None
    playlist: Playlist | None = None
    """The list that begins with it, where it takes the place of another."""


class Heard(Protocol):
    """Whoever is told what the player does."""

    def began(self, given: Given, before: Given | None, duration_sec: float) -> None:
        """before: what was heard until now, where it has not ended yet."""

    def ended(self, given: Given, how: player.How, message: str | None, *, heard: bool) -> None:
        """heard: it was what played."""

    def moved(self, report: player.Report) -> None:
        """Where it is in what is heard, or that it waits for more of it."""

    def lost(self, before: Given | None, reason: str) -> None:
        """The player's process ended by itself. before: what was heard."""


class Deck:
    """Gives the player its orders; one at a time, since each is answered before the next."""

    def __init__(self, config: Config, kept: Remembered, sounds: Sounds, start: Start, heard: Heard) -> None:
        self.process = PlayerProcess(config, kept, start, self._take, self._lost)
        self.now: Given | None = None
        """What is heard. Between two tracks, none."""
        self.after: Given | None = None
        self.hold = False
        """While nothing comes next, what plays goes round at its end: see `Sound.hold`."""
        self._sounds = sounds
        self._heard = heard
        self._target_lufs = config.player.loudness_lufs
        self._given: dict[int, Given] = {}
        """By number; also what has been given and not been told to begin."""
        self._numbers = itertools.count(1)

    @property
    def empty(self) -> bool:
        return not self._given

    async def play(self, item: Item, playlist: Playlist) -> bool:
        """Play it in the place of what plays and of what comes next; False while it has no sound yet.

        Raises InvalidTrackId when it never will, or can't be read, AudioDeviceError.
        """
        return await self._give(player.Play, item, playlist, repeat=playlist.loop == "track")

    async def follow(self, item: Item) -> bool:
        """Play it next; as `play`."""
        return await self._give(player.Next, item, None, joined=self._joins(item))

    def _joins(self, item: Item) -> bool:
        """Whether it goes on with what is heard: the list may have been edited since it was put there."""
        return self.now is not None and item.continues == self.now.item.track_id

    async def _give(
        self, kind: Callable[..., player.Order], item: Item, playlist: Playlist | None, **how: bool
    ) -> bool:
        while (sound := self._sounds.find(item.track_id)).path is not None:
            given = self._as_given(item, sound, playlist)
            self._given[given.number] = given
            try:
                await self.process.ask(
                    kind,
                    number=given.number,
                    path=str(sound.path),
                    growing=not sound.whole,
                    gain_db=given.gain_db,
                    hold=given.hold,
                    **how,
                )
            except LofiError as error:
                self._given.pop(given.number, None)
                if sound.whole or not isinstance(error, InvalidTrackId):
                    raise
                if not self._sounds.find(item.track_id).whole:
                    return False  # it has just been moved on: news of its end come
                continue
            if kind is player.Next and given is not self.now and given.number in self._given:
                self.after = given
            # What is neither heard nor comes next is given no more; this one may have ended already.
            kept = (self.now, self.after, self._given.get(given.number))
            self._given = {each.number: each for each in kept if each is not None}
            return True
        return False

    def _as_given(self, item: Item, sound: Sound, playlist: Playlist | None) -> Given:
        goes_on = self.now if playlist is None and self._joins(item) else None
        gain_db = self._sounds.gain_db(sound, self._target_lufs) if goes_on is None else goes_on.gain_db
        return Given(next(self._numbers), item, sound, gain_db, self._hold(sound), playlist)

    def _hold(self, sound: Sound) -> tuple[float, float] | None:
        return sound.hold() if self.hold else None

    async def clear_next(self) -> None:
        if self.after is not None:
            await self.process.ask(player.ClearNext)
            if self.after is not None:  # it may have begun meanwhile
                del self._given[self.after.number]
                self.after = None

    async def clear(self) -> None:
        """Nothing is heard any more, nor comes. Raises AudioDeviceError."""
        if self._given:
            await self.process.ask(player.Stop)
            self.after = None
            self._given = {} if self.now is None else {self.now.number: self.now}

    def forget(self) -> None:
        """What is said of all that was given is about nothing any more."""
        self.now = self.after = None
        self._given = {}

    async def tend(self, given: Given) -> bool:
        """Tell the player what has become of a track that was being made when it was given; whether it has
        become longer or shorter than was told. Raises InvalidTrackId when it will not be made,
        AudioDeviceError."""
        before = given.sound
        if not before.whole:
            sound = self._sounds.find(given.item.track_id)
            if sound.path is not None:
                given.sound = sound
        hold = self._hold(given.sound)
        if hold != given.hold:  # before it knows where the end is: it may be about to come to it
            given.hold = hold
            await self.process.ask(player.SetHold, number=given.number, hold=hold)
        if not before.whole and given.sound.whole:
            await self.process.ask(player.Grown, number=given.number, samples=given.sound.samples)
        elif given.sound.path != before.path:  # another attempt
            await self.process.ask(player.Regrow, number=given.number, path=str(given.sound.path))
        return given.sound.duration_sec != before.duration_sec

    # what the player says

    def _take(self, report: player.Report) -> None:
        match report:
            case player.Started(number=number, duration_sec=duration) if number in self._given:
                before, self.now = self.now, self._given[number]
                if before is not None:  # both are heard while one fades into the other
                    del self._given[before.number]
                if self.now is self.after:
                    self.after = None
                self._heard.began(self.now, before, duration)
            case player.Ended(number=number, how=how, message=message) if number in self._given:
                given = self._given.pop(number)
                heard = given is self.now
                self.now = None if heard else self.now
                self.after = None if given is self.after else self.after
                self._heard.ended(given, how, message or None, heard=heard)
            case (
                player.Position(number=number) | player.Waiting(number=number) | player.GoesOn(number=number)
            ):
                if self.now is not None and self.now.number == number:
                    self._heard.moved(report)
            case player.DeviceChanged():
                self._heard.moved(report)

    def _lost(self, reason: str) -> None:
        before = self.now
        self.forget()
        self._heard.lost(before, reason)
