"""What is heard: a list of tracks, one after the other, and the methods that clients move it by.

The player is told of one track more than it plays, so that nothing is waited for between the two.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lofi_broker.library import Library
from lofi_broker.player_process import PlayerProcess, Start
from lofi_broker.volume_file import read_volume, write_volume
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common import player_messages as player
from lofi_common.config import Config
from lofi_common.errors import InvalidTrackId, LofiError
from lofi_common.logs import fields
from lofi_common.paths import Paths

log = logging.getLogger(__name__)

_NONE_YET = 'Make one first: `lofi-submit "rainy night, mellow piano"`.'

Publish = Callable[[str, api.Result], None]


@dataclass(frozen=True)
class _Item:
    """A track of the list, given to the player under this number."""

    number: int
    index: int
    count: int
    track: api.Track


class Playback:
    """One list at a time; a new one takes its place. The player's process comes and goes with the need."""

    def __init__(
        self, config: Config, paths: Paths, library: Library, publish: Publish, start: Start
    ) -> None:
        """start: runs a coroutine as a task."""
        self._library = library
        self._publish = publish
        self._start = start
        self._idle_sec = config.player.idle_unload_sec
        self._player = PlayerProcess(config, start, self._heard, self._lost)
        self._volume_file = paths.volume
        self._volume = read_volume(paths.volume, config.player.volume)
        self._turn = asyncio.Lock()
        """Held by whoever gives orders, until they are answered."""
        self._unload: asyncio.TimerHandle | None = None
        self._numbers = itertools.count(1)
        self._list: Sequence[str] = ()
        self._state: kinds.PlaybackState = "stopped"
        self._given: dict[int, _Item] = {}
        """What the player has to play, or plays, by number."""
        self._current: _Item | None = None
        """None when stopped. Between two tracks it is the one that has ended."""
        self._more = False
        """Whether another track of the list may follow it."""
        self._cut: kinds.EndReason = "stopped"
        """Why tracks are cut that are cut now."""
        self._duration = 0.0
        self._position = 0.0
        self._at = 0.0

    def is_playing(self) -> bool:
        """Whether something is heard, or about to be."""
        return self._state == "playing" or self._turn.locked()

    def holds(self) -> frozenset[str]:
        """The tracks of the list, the one that plays with them."""
        return frozenset(self._list)

    # methods of the protocol

    async def play(self, params: kinds.PlayParams) -> kinds.PlaybackStatus:
        """Raises InvalidTrackId, before anything changes, AudioDeviceError."""
        async with self._turn:
            if params.track_ids is None and self._current is not None:
                await self._resume()
            else:
                await self._play(self._checked(params.track_ids))
            return self._status()

    async def _play(self, track_ids: Sequence[str]) -> None:
        try:
            await self._player.run(self._volume)
            await self._play_from(track_ids, 0, "replaced")
        finally:
            self._see_whether_stopped()

    async def pause(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._turn:
            if self._state == "playing":
                answer = await self._player.ask(player.Pause)
                if self._current is not None:  # it may have ended meanwhile
                    self._state = "paused"
                    self._at_position(answer.position_sec)
                    self._tell_place("playback_paused", kinds.PlaybackPaused)
            return self._status()

    async def resume(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._turn:
            await self._resume()
            return self._status()

    async def _resume(self) -> None:
        if self._state == "paused":
            answer = await self._player.ask(player.Resume)
            if self._current is not None:
                self._state = "playing"
                self._at_position(answer.position_sec)
                self._tell_place("playback_resumed", kinds.PlaybackResumed)

    async def stop(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._turn:
            await self._stop("stopped")
            return self._status()

    async def skip(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._turn:
            if self._current is not None:
                await self._skip(self._current)
            return self._status()

    async def volume_set(self, params: kinds.VolumeParams) -> kinds.PlaybackStatus:
        async with self._turn:
            self._volume = params.volume
            write_volume(self._volume_file, params.volume)
            if self._player.runs:
                await self._player.ask(player.SetVolume, volume=params.volume)
            return self._status()

    async def volume_get(self, params: api.NoParams) -> kinds.PlaybackStatus:
        return self._status()

    async def playback_status(self, params: api.NoParams) -> kinds.PlaybackStatus:
        return self._status()

    def _status(self) -> kinds.PlaybackStatus:
        current = self._current
        passed = time.monotonic() - self._at if self._state == "playing" else 0.0
        return kinds.PlaybackStatus(
            state=self._state,
            volume=self._volume,
            position_sec=round(min(self._position + passed, self._duration), 3) if current else 0.0,
            duration_sec=self._duration if current else 0.0,
            index=current.index if current else 0,
            count=current.count if current else 0,
            track_id=current.track.track_id if current else None,
        )

    # the list

    def _checked(self, track_ids: Sequence[str] | None) -> Sequence[str]:
        if track_ids is None:
            tracks, _ = self._library.list(limit=kinds.MOST_TRACKS, offset=0, query="")
            if not tracks:
                raise InvalidTrackId("the library has no tracks yet", recovery=_NONE_YET)
            return [track.track_id for track in tracks]
        if (unknown := self._library.unknown(track_ids)) is not None:
            raise InvalidTrackId(f"the library has no track {unknown}")
        return track_ids

    async def _play_from(self, track_ids: Sequence[str], first: int, cut: kinds.EndReason) -> None:
        """Play, from this place in the list on, the first that can be.

        Raises InvalidTrackId when none can, and what played goes on; AudioDeviceError.
        """
        for index in range(first, len(track_ids)):
            self._cut = cut
            if await self._give(player.Play, track_ids, index):
                self._list = track_ids
                # Nothing else comes any more, and this one may have ended already.
                self._given = {number: item for number, item in self._given.items() if item is self._current}
                return
        raise InvalidTrackId("no track of the list can be played")

    async def _give(self, kind: Callable[..., player.Order], track_ids: Sequence[str], index: int) -> bool:
        """Give the player one track; False, and told, when it is gone or can't be read."""
        try:
            track = self._library.find(track_ids[index])
        except OSError as error:
            self._tell_end(track_ids[index], "failed", f"it can't be read: {error.strerror}")
            return False
        if track is None:
            self._tell_end(track_ids[index], "failed", "it is not in the library any more")
            return False
        item = _Item(next(self._numbers), index, len(track_ids), track)
        self._given[item.number] = item
        try:
            await self._player.ask(kind, number=item.number, path=track.path)
        except InvalidTrackId as error:
            del self._given[item.number]
            self._tell_end(track.track_id, "failed", str(error))
            return False
        except LofiError:
            self._given.pop(item.number, None)
            raise
        return True

    async def _give_next(self, current: _Item) -> None:
        """As a task: tell the player what comes after the track that has just begun."""
        async with self._turn:
            for index in range(current.index + 1, current.count):
                try:
                    if self._current is not current or await self._give(player.Next, self._list, index):
                        return
                except LofiError as error:  # no device takes it, or the player is lost: the list ends
                    log.warning(fields("playback_lost", reason=error))
                    if self._current is current and current.number not in self._given:
                        self._tell_end(self._list[index], "failed", str(error))
                        self._stopped()
                    return
            self._more = False
            if self._current is current and current.number not in self._given:
                self._stopped()

    async def _skip(self, current: _Item) -> None:
        if current.index + 1 < current.count:
            try:
                return await self._play_from(self._list, current.index + 1, "skipped")
            except InvalidTrackId as error:
                log.info(fields("nothing_to_skip_to", reason=error))
            finally:
                self._see_whether_stopped()
        await self._stop("skipped")

    async def _stop(self, cut: kinds.EndReason) -> None:
        if self._current is not None:
            self._cut = cut
            try:
                await self._player.ask(player.Stop)
            except LofiError as error:  # what was to stop has stopped
                log.warning(fields("playback_lost", reason=error))
            self._stopped()

    def _see_whether_stopped(self) -> None:
        """After an order that failed, what played goes on, or was cut already."""
        if self._current is None:
            self._stopped()

    def _stopped(self) -> None:
        for item in self._given.values():  # of a player that does not say so any more
            if item is self._current:
                self._tell_end(item.track.track_id, self._cut, None)
        self._state = "stopped"
        self._current = None
        self._list = ()
        self._given = {}
        self._keep_awake()
        self._unload = asyncio.get_running_loop().call_later(
            self._idle_sec, lambda: self._start(self._unload_player(), "player-unload")
        )

    def _keep_awake(self) -> None:
        if self._unload is not None:
            self._unload.cancel()

    async def _unload_player(self) -> None:
        async with self._turn:
            if self._current is None:
                await self._player.stop()

    async def close(self) -> None:
        """End the player, and with it the music."""
        self._keep_awake()
        await self._player.close()

    # what the player says

    def _heard(self, report: player.Report) -> None:
        match report:
            case player.Started(number=number, duration_sec=duration) if number in self._given:
                self._began(self._given[number], duration)
            case player.Position(number=number, position_sec=position) if number in self._given:
                self._at_position(position)
                self._tell_place("playback_position", kinds.PlaybackPosition)
            case player.Ended(number=number, how=how, message=message) if number in self._given:
                item = self._given.pop(number)
                reason = self._cut if how == "cut" else how
                self._tell_end(item.track.track_id, reason, message or None)
                if item is not self._current:
                    return
                if how == "cut":  # by an order that knows what comes now
                    self._state, self._current = "stopped", None
                elif not self._more:
                    self._stopped()

    def _began(self, item: _Item, duration_sec: float) -> None:
        self._current = item
        if self._state == "stopped":  # paused between two tracks, it stays so
            self._state = "playing"
        self._duration = duration_sec
        self._at_position(0.0)
        track = item.track
        self._start(self._library.played(track.track_id, time.time()), "played")
        log.info(fields("playback_started", track_id=track.track_id, index=item.index, count=item.count))
        started = kinds.PlaybackStarted(
            track_id=track.track_id,
            index=item.index,
            count=item.count,
            duration_sec=duration_sec,
            prompt=track.prompt,
        )
        self._publish("playback_started", started)
        if self._state == "paused":
            self._tell_place("playback_paused", kinds.PlaybackPaused)
        self._more = item.index + 1 < item.count
        if self._more:
            self._start(self._give_next(item), "player-next")

    def _lost(self, reason: str) -> None:
        """The player ended by itself."""
        current = self._current
        if current is not None and current.number in self._given:
            del self._given[current.number]
            self._tell_end(current.track.track_id, "failed", f"the player ended: {reason}")
        self._stopped()

    def _at_position(self, position_sec: float) -> None:
        self._position = position_sec
        self._at = time.monotonic()

    def _tell_place(self, method: str, kind: type[kinds.PlaybackPosition]) -> None:
        if self._current is not None and self._current.number in self._given:
            told = kind(
                track_id=self._current.track.track_id,
                position_sec=round(self._position, 3),
                duration_sec=self._duration,
            )
            self._publish(method, told)

    def _tell_end(self, track_id: str, reason: kinds.EndReason, message: str | None) -> None:
        log.info(fields("playback_ended", track_id=track_id, reason=reason, message=message or ""))
        self._publish(
            "playback_ended", kinds.PlaybackEnded(track_id=track_id, reason=reason, message=message)
        )
