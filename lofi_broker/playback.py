"""The methods that clients move the playback by, and what the broker itself asks of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path

from lofi_broker.audio_devices import Found, find_devices, how_to_choose
from lofi_broker.library import Library
from lofi_broker.mpris import Call, Mpris, Playing
from lofi_broker.player_process import Start
from lofi_broker.playlist import Items, Playlist
from lofi_broker.remembered import Remembered
from lofi_broker.sounds import Sounds
from lofi_broker.stage import Stage
from lofi_broker.whereabouts import Publish
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common import player_messages as player
from lofi_common.config import Config
from lofi_common.errors import AudioDeviceError, InvalidParams
from lofi_common.jobs import Job
from lofi_common.paths import Paths

_BEGINNING_SEC = 3.0
"""Within it, `previous` means the track before."""


class Playback:
    """One list at a time; a new one takes its place. The player's process comes and goes with the need."""

    def __init__(
        self,
        config: Config,
        paths: Paths,
        library: Library,
        jobs: tuple[Callable[[str], Job | None], Callable[[str], Path | None]],
        publish: Publish,
        start: Start,
        call: Call,
    ) -> None:
        """jobs: what `Sounds` asks about tracks that are being made. start: runs a coroutine as a task.
        call: a request like any client's."""
        self._config = config.player
        self._kept = Remembered(paths.player, config.player)
        self._library = library
        self._sounds = Sounds(library, *jobs)
        self._listeners: list[Publish] = [publish]
        self._start = start
        self._stage = Stage(config, self._kept, self._sounds, self._publish, start, self._over)
        self._items = Items()
        self._unload: asyncio.TimerHandle | None = None
        self._mpris = Mpris(call, self._playing)
        self._begun = 0
        self._skipped: int | None = None
        """The key of the item after which there was nothing when somebody wanted what comes next."""

    def listen(self, listener: Publish) -> None:
        """Call `listener(method, params)` for every notification about the playback."""
        self._listeners.append(listener)

    def _publish(self, method: str, params: api.Result) -> None:
        for listener in self._listeners:
            listener(method, params)
        if isinstance(params, kinds.PlaybackStarted):
            self._begun += 1
            self._count(params.track_id)
        if isinstance(params, kinds.PlaybackStarted | kinds.PlaybackWaiting):
            self._mpris.appear()
        self._mpris.told(method, params)

    def is_playing(self) -> bool:
        """Whether something is heard, or about to be."""
        return self._stage.state in ("playing", "waiting") or self._stage.turn.locked()

    def told(self, event: api.Result) -> None:
        """A notification of the broker: some are about tracks that are waited for."""
        match event:
            case api.GenerationProgress():
                self._sounds.told(event)
                self._stage.news_of(event.track_id)
            case api.GenerationComplete() | api.GenerationError():
                self._sounds.forget(event.track_id)
                self._stage.news_of(event.track_id)
                now = self._stage.deck.now
                if isinstance(event, api.GenerationComplete) and now and now.item.track_id == event.track_id:
                    self._count(event.track_id)  # when it began, there was nothing in the library to count

    def _count(self, track_id: str) -> None:
        self._start(self._library.played(track_id, time.time()), "played")

    # methods of the protocol

    async def play(self, params: kinds.PlayParams) -> kinds.PlaybackStatus:
        """Raises InvalidTrackId, before anything changes, AudioDeviceError."""
        stage = self._stage
        async with stage.turn:
            self._keep_awake()
            if params.track_ids is None and stage.playlist.current is not None:
                await stage.resume()
            elif params.track_ids is None and stage.playlist.items:
                await stage.begin(stage.playlist.begun(), "replaced")
            else:
                items = self._items.of(self._sounds.checked(params.track_ids))
                await stage.begin(Playlist(items, 0, stage.playlist.loop), "replaced")
            return self.status()

    async def pause(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            await self._stage.pause()
            return self.status()

    async def resume(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            await self._stage.resume()
            return self.status()

    async def toggle(self, params: api.NoParams) -> kinds.PlaybackStatus:
        if self._stage.state in ("playing", "waiting"):
            return await self.pause(params)
        return await self.play(kinds.PlayParams())

    async def stop(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            if self._stage.playlist.items:
                await self._stage.stop("stopped")
            return self.status()

    async def skip(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            playlist = self._stage.playlist
            if self.hold and playlist.current is not None and playlist.forward().current is None:
                self._skipped = playlist.current.key
            else:
                await self._stage.go_to(playlist.forward())
            return self.status()

    def _skips(self) -> bool:
        """Whether somebody waits for what follows the current item, while that goes on."""
        current = self._stage.playlist.current
        return current is not None and current.key == self._skipped

    async def previous(self, params: api.NoParams) -> kinds.PlaybackStatus:
        stage = self._stage
        async with stage.turn:
            self._skipped = None
            before = stage.playlist.back()
            if before is stage.playlist or stage.position_sec > _BEGINNING_SEC:
                await stage.seek(0.0)
            else:
                await self._stage.go_to(before)
            return self.status()

    async def seek(self, params: kinds.SeekParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            await self._stage.seek(params.position_sec)
            return self.status()

    async def volume_set(self, params: kinds.VolumeParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            self._kept.keep(volume=params.volume)
            self._mpris.look_again()
            if self._stage.deck.process.runs:
                await self._stage.deck.process.ask(player.SetVolume, volume=params.volume)
            return self.status()

    async def crossfade_set(self, params: kinds.CrossfadeParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            self._kept.keep(crossfade_sec=params.sec)
            if self._stage.deck.process.runs:
                await self._stage.deck.process.ask(player.SetCrossfade, sec=params.sec)
            return self.status()

    async def loop_set(self, params: kinds.LoopParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            await self._stage.loop(params.mode)
            self._mpris.look_again()
            return self.status()

    async def volume_get(self, params: api.NoParams) -> kinds.PlaybackStatus:
        return self.status()

    async def playback_status(self, params: api.NoParams) -> kinds.PlaybackStatus:
        return self.status()

    def status(self) -> kinds.PlaybackStatus:
        """What plays, and how."""
        stage = self._stage
        playlist, current = stage.playlist, stage.playlist.current
        return kinds.PlaybackStatus(
            state=stage.state,
            volume=self._kept.volume,
            position_sec=round(stage.position_sec, 3),
            duration_sec=stage.at.duration_sec,
            index=playlist.index or 0,
            count=len(playlist.items),
            crossfade_sec=self._kept.crossfade_sec,
            loop=playlist.loop,
            track_id=None if current is None else current.track_id,
            ready_sec=None if current is None else round(stage.ready_sec, 3),
            skipping=self._skips(),
            device=self._kept.device,
        )

    def _playing(self) -> Playing:
        status = self.status()
        prompt = "" if status.track_id is None else self._sounds.described(status.track_id).prompt
        return Playing(status=status, prompt=prompt, number=self._begun)

    # the list

    async def playlist_add(self, params: kinds.PlaylistAddParams) -> kinds.PlaybackStatus:
        """Raises InvalidTrackId, InvalidParams when the list would be too long, AudioDeviceError."""
        async with self._stage.turn:
            await self._add(self._sounds.checked(params.track_ids), params.index)
            return self.status()

    async def _add(self, track_ids: list[str], index: int | None, continues: str | None = None) -> None:
        playlist = self._stage.playlist
        if len(playlist.items) + len(track_ids) > kinds.MOST_TRACKS:
            raise InvalidParams(f"track_ids: a list has at most {kinds.MOST_TRACKS} tracks")
        await self._stage.change(playlist.added(self._items.of(track_ids, continues=continues), index))
        if self._skips():
            await self._stage.go_to(self._stage.playlist.forward())

    async def playlist_remove(self, params: kinds.PlaylistRemoveParams) -> kinds.PlaybackStatus:
        """Raises InvalidParams where there is no such item, AudioDeviceError."""
        async with self._stage.turn:
            count = len(self._stage.playlist.items)
            if params.index >= count:
                raise InvalidParams(f"index: the list has {count} tracks, counted from 0")
            await self._stage.change(self._stage.playlist.removed(params.index))
            return self.status()

    async def playlist_clear(self, params: api.NoParams) -> kinds.PlaybackStatus:
        async with self._stage.turn:
            await self._stage.change(self._stage.playlist.cleared())
            return self.status()

    async def playlist_get(self, params: kinds.PlaylistGetParams) -> kinds.PlaylistResult:
        playlist = self._stage.playlist
        shown = playlist.items[params.offset : params.offset + params.limit]
        return kinds.PlaylistResult(
            items=[self._sounds.described(item.track_id) for item in shown],
            index=playlist.index,
            count=len(playlist.items),
            loop=playlist.loop,
        )

    # the device

    async def audio_devices(self, params: api.NoParams) -> kinds.AudioDevices:
        """Raises AudioDeviceError when there is none."""
        found = await self._find_devices()
        return kinds.AudioDevices(devices=found.devices, backend=found.backend, current=self._kept.device)

    async def _find_devices(self) -> Found:
        only = self._config.device
        if only:  # where the settings send the sound, nobody else can choose
            return Found(devices=[kinds.AudioDevice(name=only, default=True)], backend="player.device")
        return await find_devices()

    async def audio_device_set(self, params: kinds.DeviceParams) -> kinds.PlaybackStatus:
        """Raises AudioDeviceError, with the names that there are, for another one."""
        if params.name is not None:
            names = [device.name for device in (await self._find_devices()).devices]
            if params.name not in names:
                there = ", ".join(f'"{name}"' for name in names) or "none"
                words = f'there is no sound device "{params.name}"; there are: {there}'
                raise AudioDeviceError(words, recovery=how_to_choose(self._config.device))
        async with self._stage.turn:
            self._kept.keep(device=None if self._config.device else params.name)
            if self._stage.deck.process.runs:
                await self._stage.deck.process.ask(player.SetDevice, name=self._kept.device)
            return self.status()

    # what the broker itself asks for

    async def add_joined(self, track_id: str, continues: str) -> None:
        """Behind the last track of the list. Heard right after what it continues, they are one."""
        async with self._stage.turn:
            await self._add([track_id], None, continues)

    async def drop(self, track_id: str) -> None:
        """Take a track out of the list, unless it is the one that plays."""
        async with self._stage.turn:
            playlist = self._stage.playlist
            for place, item in enumerate(playlist.items):
                if item.track_id == track_id and place != playlist.index:
                    return await self._stage.change(playlist.removed(place))

    @property
    def hold(self) -> bool:
        """Whether it is never silent: while nothing comes next, what plays goes round at its end."""
        return self._stage.deck.hold

    @hold.setter
    def hold(self, on: bool) -> None:
        self._stage.deck.hold = on
        self._stage.wake()

    async def prepare(self) -> None:
        """Start the player's process: something is to be heard soon. Raises AudioDeviceError."""
        async with self._stage.turn:
            await self._stage.deck.process.run()

    async def is_over(self) -> bool:
        """Whether nothing plays, once what is being ordered is done."""
        async with self._stage.turn:
            return self._stage.state == "stopped"

    def holds(self, passing: Collection[str] = ()) -> frozenset[str]:
        """The tracks of the list, those that have been heard included unless they are `passing`."""
        return self._stage.playlist.holds(passing)

    def forget(self, track_ids: Collection[str]) -> None:
        """Take out of the list what has been heard and was deleted."""
        self._stage.playlist = self._stage.playlist.forgetting(track_ids)

    def ahead_sec(self) -> float:
        """How much can be played from the place that is heard on: of it, and of what follows it. Nothing for
        somebody who waits for the next one."""
        return 0.0 if self._skips() else self._stage.ahead_sec

    # the player's process

    def _over(self) -> None:
        self._mpris.look_again()
        self._keep_awake()
        self._unload = asyncio.get_running_loop().call_later(
            self._config.idle_unload_sec, lambda: self._start(self._unload_player(), "player-unload")
        )

    def _keep_awake(self) -> None:
        if self._unload is not None:
            self._unload.cancel()

    async def _unload_player(self) -> None:
        async with self._stage.turn:
            if self._stage.playlist.current is None:
                await self._stage.deck.process.stop()
                await self._mpris.leave()

    async def close(self) -> None:
        """End the player, and with it the music."""
        self._keep_awake()
        await asyncio.gather(self._mpris.leave(), self._stage.deck.process.close())
