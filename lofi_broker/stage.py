"""Sees to it that the player plays what the list says, whatever becomes of list, tracks and player meanwhile.

The player is told of one track more than it plays, so that nothing is waited for between the two.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lofi_broker.deck import Deck, Given
from lofi_broker.player_process import Start
from lofi_broker.playlist import Item, Playlist
from lofi_broker.remembered import Remembered
from lofi_broker.sounds import Sounds
from lofi_broker.whereabouts import Publish, Whereabouts
from lofi_common import api_playback as kinds
from lofi_common import player_messages as player
from lofi_common.config import Config
from lofi_common.errors import AudioDeviceError, InvalidTrackId, LofiError
from lofi_common.logs import fields

log = logging.getLogger(__name__)


class Stage:
    """The list, and what of it is heard.

    What gives orders holds `turn` until they are answered. What is merely heard of (reports of the player,
    news of jobs) changes only what is known here, and wakes `_settle`, which gives the orders that follow.
    """

    def __init__(
        self,
        config: Config,
        kept: Remembered,
        sounds: Sounds,
        publish: Publish,
        start: Start,
        over: Callable[[], None],
    ) -> None:
        """start: runs a coroutine as a task. over: called when nothing plays any more."""
        self.turn = asyncio.Lock()
        self.deck = Deck(config, kept, sounds, start, self)
        self.playlist = Playlist()
        self.at = Whereabouts(publish)
        self._sounds = sounds
        self._start = start
        self._over = over
        self._paused = False
        self._pausing = False
        """A pause has been ordered."""
        self._waiting: Item | None = None
        """What nothing can be heard of yet, while nothing else plays."""
        self._cut: tuple[kinds.EndReason, str | None] = ("stopped", None)
        """Why tracks are cut that are cut now."""
        self._waking = False

    @property
    def state(self) -> kinds.PlaybackState:
        if self.playlist.current is None:
            return "stopped"
        if self._paused:
            return "paused"
        return "waiting" if self._waiting is not None or self.at.starved else "playing"

    @property
    def position_sec(self) -> float:
        return self.at.position_sec(moving=self.deck.now is not None and self.state == "playing")

    @property
    def ready_sec(self) -> float:
        """How much can be played of what is heard."""
        return 0.0 if self.deck.now is None else self._sounds.ready_sec(self.deck.now.sound)

    @property
    def ahead_sec(self) -> float:
        """How much can be played from the place that is heard on: of it, and of what follows it."""
        if self.playlist.index is None:
            return 0.0
        ahead = max(0.0, self.ready_sec - self.position_sec)
        return ahead + sum(self._sounds.ready_of(item.track_id) for item in self.playlist.behind)

    # orders; `turn` is held

    async def begin(self, playlist: Playlist, cut: kinds.EndReason) -> None:
        """Play the current item of a list in the place of what plays, or the first after it that can be.

        Raises InvalidTrackId when there is none, and what played goes on; AudioDeviceError.
        """
        try:
            await self.deck.process.run()
            while (item := playlist.current) is not None:
                try:
                    return await self._begin(playlist, item, cut)
                except InvalidTrackId as error:
                    self._pass_over(item, str(error))
                    playlist = playlist.without(item).forward()
            raise InvalidTrackId("no track of the list can be played")
        except LofiError:
            if self.deck.now is None and self._waiting is None:  # what played was cut before the order failed
                await self.stop(cut)
            raise

    async def _begin(self, playlist: Playlist, item: Item, cut: kinds.EndReason) -> None:
        self._cut = (cut, None)
        if await self.deck.play(item, playlist):
            return
        if self._waiting is None or self._waiting.key != item.key:
            await self._clear(cut)
            self.at.wait(self._sounds.find(item.track_id))
        self.playlist, self._paused, self._waiting = playlist, False, item

    def _pass_over(self, item: Item, why: str) -> None:
        if self._waiting is not None and self._waiting.key == item.key:
            self._waiting = None
            self.at.end("failed", why)
        else:
            self.at.tell_failed(item.track_id, why)

    async def go_to(self, playlist: Playlist) -> None:
        """To its current item; where there is none, or none can be played from there on, stop."""
        if self.playlist.current is None:
            return
        try:
            if playlist.current is not None:
                return await self.begin(playlist, "skipped")
        except InvalidTrackId:
            pass  # it is told why of each of them
        await self.stop("skipped")

    async def stop(self, cut: kinds.EndReason) -> None:
        """Nothing plays any more, and nothing is to come."""
        self.playlist = Playlist(loop=self.playlist.loop)  # whoever hears of the end finds that it is so
        try:
            await self._clear(cut)
        except LofiError as error:  # what was to stop has stopped
            log.warning(fields("playback_lost", reason=error))
        self.stopped()

    async def _clear(self, cut: kinds.EndReason, why: str | None = None) -> None:
        """What is heard or waited for ends."""
        self._cut = (cut, why)
        await self.deck.clear()
        if self._waiting is not None:
            self._waiting = None
            self.at.end(cut, why)

    async def change(self, playlist: Playlist) -> None:
        """Go on with another list, which has what plays in it, or not."""
        self.playlist = playlist
        await self._settle()

    async def loop(self, mode: kinds.LoopMode) -> None:
        now = self.deck.now
        if now is not None:
            await self.deck.process.ask(player.SetRepeat, number=now.number, on=mode == "track")
        await self.change(self.playlist.looped(mode))

    async def pause(self) -> None:
        """Hold what plays; the player that is lost by it, or meanwhile, is missed by `resume`."""
        if self.state in ("playing", "waiting"):
            self._pausing = True
            try:
                await self._move(player.Pause)
            except AudioDeviceError as error:  # it is not heard any more, as was wanted
                log.warning(fields("player_lost_by_pause", reason=error))
            finally:
                self._pausing = False
            if self.playlist.current is not None:  # it may have ended meanwhile
                self._paused = True
                self.at.tell("playback_paused", kinds.PlaybackPaused)

    async def resume(self) -> None:
        if self._paused:
            await self._move(player.Resume)
            if self.playlist.current is not None:
                self._paused = False
                self.at.tell("playback_resumed", kinds.PlaybackResumed)
                try:
                    await self._settle()
                except AudioDeviceError:
                    if self._waiting is not None:  # of a player that was lost while it was held
                        self._paused = True
                        self.at.tell("playback_paused", kinds.PlaybackPaused)
                    raise

    async def seek(self, position_sec: float) -> None:
        now = self.deck.now
        if now is not None:
            place = min(position_sec, self.at.duration_sec)
            await self._move(player.Seek, number=now.number, position_sec=place)
            if now is self.deck.now:
                self.at.tell("playback_position", kinds.PlaybackPosition)

    async def _move(self, kind: Callable[..., player.Order], **params: float) -> None:
        if not self.deck.empty:
            answer = await self.deck.process.ask(kind, **params)
            self.at.move(answer.position_sec)

    def stopped(self) -> None:
        """Nothing plays: the list is over."""
        if self.deck.now is not None:  # of a player that does not say so any more
            self.at.end(*self._cut)
        self.playlist = Playlist(loop=self.playlist.loop)
        self.deck.forget()
        self._paused, self._waiting = False, None
        self.at.leave()
        self._over()

    # what follows from what is known

    def news_of(self, track_id: str) -> None:
        """Something has become of the job of this track."""
        items = (self.playlist.current, self.playlist.coming)
        if any(item is not None and item.track_id == track_id for item in items):
            self.wake()

    def wake(self) -> None:
        """See soon whether an order follows from what has happened."""
        if not self._waking:
            self._waking = True
            self._start(self._settle_soon(), "playback")

    async def _settle_soon(self) -> None:
        async with self.turn:
            self._waking = False
            try:
                await self._settle()
            except LofiError as error:  # no device takes it, or the player is lost
                log.warning(fields("playback_lost", reason=error))
                current = self.playlist.current
                if current is not None and self.deck.now is None and not self._paused:
                    self._pass_over(current, str(error))
                    self.stopped()

    async def _settle(self) -> None:
        """Give the orders that bring the player to what the list says. Raises AudioDeviceError."""
        current, now, waiting = self.playlist.current, self.deck.now, self._waiting
        if current is None:
            if now is not None or waiting is not None:
                await self.stop("skipped")
        elif now is not None and now.item.key == current.key:
            await self._go_on(now)
        elif now is None and (self._paused or self.deck.after is not None):
            return  # when resumed; or the player begins what comes after at this moment
        elif waiting is not None and waiting.key == current.key and self._sounds.is_silent(waiting.track_id):
            return
        else:
            try:
                await self.begin(self.playlist, "skipped")
            except InvalidTrackId as error:
                log.info(fields("playback_over", reason=error))
                await self.stop("skipped")

    async def _go_on(self, now: Given) -> None:
        """What is heard is what the list says: see to it, and to what comes next."""
        try:
            if await self.deck.tend(now) and now is self.deck.now:
                self.at.duration_sec = now.sound.duration_sec
        except InvalidTrackId as error:  # it is not made to its end
            self.playlist = self.playlist.without(now.item).on()
            await self._clear("failed", str(error))
            return await self._settle()
        while (item := self.playlist.coming) is not None:
            after = self.deck.after
            try:
                if after is not None and after.item.key == item.key:
                    await self.deck.tend(after)
                    return
                if await self.deck.follow(item):
                    return
                break
            except InvalidTrackId as error:
                self.at.tell_failed(item.track_id, str(error))
                self.playlist = self.playlist.without(item)
        await self.deck.clear_next()
        if self.deck.now is None and self.playlist.current is None:  # it ended meanwhile, and nothing follows
            self.stopped()

    # what the player does

    def began(self, given: Given, before: Given | None, duration_sec: float) -> None:
        if before is not None and given.playlist is None:
            self.at.end("finished", None)
        elif before is not None or (self._waiting is not None and self._waiting.key != given.item.key):
            self.at.end(*self._cut)
        self._waiting = None
        if given.playlist is None:
            self.playlist = self.playlist.at(given.item)
        else:
            self.playlist, self._paused = given.playlist, False
        place, count = self.playlist.index or 0, len(self.playlist.items)
        self.at.begin(given.sound, duration_sec, place, count)
        if self._paused:  # between two tracks
            self.at.tell("playback_paused", kinds.PlaybackPaused)
        self.wake()

    def ended(self, given: Given, how: player.How, message: str | None, *, heard: bool) -> None:
        if how == "cut":  # by an order that knows what comes now
            return self.at.end(*self._cut)
        if how == "failed":
            self.playlist = self.playlist.without(given.item)
        if not heard:
            self.at.tell_failed(given.item.track_id, message or "no reason is known")
            return self.wake()
        self.playlist = self.playlist.on()
        self.at.end(how, message)
        if self.playlist.current is None and self.deck.empty:
            self.stopped()
        else:
            self.wake()

    def moved(self, report: player.Report) -> None:
        match report:
            case player.Position(position_sec=position):
                self.at.move(position)
                self.at.tell("playback_position", kinds.PlaybackPosition)
            case player.Waiting():
                self.at.starve(True)
            case player.GoesOn():
                self.at.starve(False)
            case player.DeviceChanged(name=name):
                log.warning(fields("sound_device_changed", device=name or "default"))

    def lost(self, before: Given | None, reason: str) -> None:
        if before is not None:
            self.at.end("failed", f"the player ended: {reason}")
        if self._waiting is not None:
            return
        current = self.playlist.current
        if current is None or not (self._paused or self._pausing) or not self._wait_for(current):
            self.stopped()

    def _wait_for(self, item: Item) -> bool:
        """It is played again once somebody resumes; False where it is gone."""
        try:
            self.at.wait(self._sounds.find(item.track_id))
        except InvalidTrackId:
            return False
        self._waiting = item
        if self._paused:
            self.at.tell("playback_paused", kinds.PlaybackPaused)
        return True
