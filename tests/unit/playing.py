"""A playback over tracks, jobs and a player that do what a test says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
import pytest

from lofi_broker import deck, playback
from lofi_broker.library import track_of
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common import player_messages as pm
from lofi_common.config import Config, PlayerConfig
from lofi_common.errors import ErrorInfo, InvalidTrackId
from lofi_common.jobs import Job, JobState
from lofi_common.paths import Paths
from tests.unit.scheduling import job

NONE = api.NoParams()


class Desk:
    """A player that plays until it is told that the track is over, and what it was ordered."""

    runs = True
    desks: ClassVar[list[Desk]] = []

    def __init__(self, config: object, kept: object, start: object, heard: Any, lost: Any) -> None:
        self.heard = heard
        self.lost = lost
        self.orders: list[pm.Order] = []
        self.playing: pm.Play | pm.Next | None = None
        self.next: pm.Next | None = None
        self.missing: set[str] = set()
        self.over_with: type[pm.Order] | None = None
        """The track ends when this order has just been obeyed, before it is answered."""
        self._orders = itertools.count(1)
        Desk.desks.append(self)

    async def run(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ask(self, kind: Callable[..., pm.Order], **params: Any) -> pm.Answer:
        order = kind(order=next(self._orders), **params)
        await asyncio.sleep(0)
        if isinstance(order, pm.Play | pm.Next) and order.path in self.missing:
            raise InvalidTrackId(f"{order.path} is gone")
        self.orders.append(order)
        match order:
            case pm.Play():
                self.cut()
                self.begin(order)
            case pm.Next() if self.playing is None:
                self.begin(order)
            case pm.Next():
                self.next = order
            case pm.ClearNext():
                self.next = None
            case pm.Stop():
                self.cut()
        if self.over_with is not None and isinstance(order, self.over_with):
            self.over()
        return pm.Answer(order=order.order, position_sec=getattr(order, "position_sec", 0.0))

    def cut(self) -> None:
        self.next = None
        if self.playing is not None:
            number, self.playing = self.playing.number, None
            self.heard(pm.Ended(number=number, how="cut"))

    def begin(self, order: pm.Play | pm.Next) -> None:
        self.playing = order
        self.heard(pm.Started(number=order.number, duration_sec=30.0))

    def over(self) -> None:
        """The track has been heard to its end."""
        assert self.playing is not None
        number, self.playing = self.playing.number, None
        self.heard(pm.Ended(number=number, how="finished"))
        if self.next is not None:
            following, self.next = self.next, None
            self.begin(following)

    def took(self, *kinds: type[pm.Order]) -> list[Any]:
        return [order for order in self.orders if isinstance(order, kinds)]


class World:
    """Tracks, jobs and a playback over them."""

    def __init__(self, tmp_path: Path) -> None:
        self.tracks: dict[str, api.Track] = {}
        self.jobs: dict[str, Job] = {}
        self.growing: dict[str, Path] = {}
        self.told: list[tuple[str, str]] = []
        self.messages: list[str] = []

        self.played: list[str] = []
        """Tracks of the library of which it was told that they are heard."""

        async def played(track_id: str, at: float) -> None:
            if track_id in self.tracks:
                self.played.append(track_id)

        async def call(method: str, params: dict[str, object]) -> dict[str, object]:
            raise AssertionError(method)

        def known(track_ids: list[str]) -> str | None:
            return next((each for each in track_ids if each not in self.tracks), None)

        library: Any = SimpleNamespace(
            find=self.tracks.get,
            unknown=known,
            played=played,
            list=lambda **params: (list(self.tracks.values()), len(self.tracks)),
        )
        self.playback = playback.Playback(
            Config(player=PlayerConfig()),
            Paths(config=tmp_path, state=tmp_path, data=tmp_path),
            library,
            (self.jobs.get, self.growing.get),
            self._publish,
            self._start,
            call,
        )
        self.desk = Desk.desks[-1]

    def _publish(self, method: str, params: Any) -> None:
        ended = isinstance(params, kinds.PlaybackEnded)
        self.told.append((params.reason if ended else method.removeprefix("playback_"), params.track_id))
        if ended and params.message:
            self.messages.append(params.message)

    def _start(self, work: Coroutine[None, None, None], name: str) -> object:
        return asyncio.ensure_future(work)

    def whole(self, track_id: str, **known: Any) -> None:
        """It is in the library."""
        known = {"samples": 30 * 32_000, "sample_rate": 32_000, "loudness_lufs": -20.0, **known}
        path = f"/library/{track_id}.wav"
        self.tracks[track_id] = track_of(job(track_id), status=JobState.COMPLETE, path=path, **known)
        self.jobs.pop(track_id, None)
        self.growing.pop(track_id, None)

    def made(self, track_id: str, attempt: int | None = None) -> None:
        """It is queued; with an attempt, it has its first sound."""
        state = JobState.QUEUED if attempt is None else JobState.GENERATING
        self.jobs[track_id] = msgspec.structs.replace(job(track_id), state=state)
        self.growing.pop(track_id, None)
        if attempt is not None:
            self.growing[track_id] = Path(f"/spool/{track_id}.{attempt}.growing.wav")

    def ended(self, track_id: str, state: JobState, why: str = "") -> None:
        error = ErrorInfo(code=1, name="E", message=why) if why else None
        self.jobs[track_id] = msgspec.structs.replace(job(track_id), state=state, error=error)
        self.growing.pop(track_id, None)

    async def news(self, track_id: str, audio_sec: float | None = None) -> None:
        """The broker tells of it."""
        told: api.Result = api.GenerationError(track_id=track_id, code="E", message="", recovery="")
        if audio_sec is not None:
            told = api.GenerationProgress(
                track_id=track_id,
                percent=1,
                tokens_generated=1,
                tokens_estimated=100,
                eta_sec=1.0,
                audio_sec=audio_sec,
            )
        self.playback.told(told)
        await settled()

    async def complete(self, track_id: str, *, wait: bool = True) -> None:
        """The broker tells that it is in the library. wait: until everybody has heard of it."""
        track = self.tracks[track_id]
        told = api.GenerationComplete(
            track_id=track_id,
            path=str(track.path),
            duration_sec=track.duration_sec,
            sample_rate=32_000,
            prompt=track.prompt,
            seed=track.seed,
            generation_time_sec=1.0,
            model_version=track.model_version,
            sha256="",
        )
        self.playback.told(told)
        if wait:
            await settled()

    async def play(self, *track_ids: str) -> kinds.PlaybackStatus:
        status = await self.playback.play(kinds.PlayParams(track_ids=list(track_ids)))
        await settled()
        return status

    async def status(self) -> kinds.PlaybackStatus:
        return await self.playback.playback_status(NONE)


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


Scene = Callable[[World], Coroutine[None, None, None]]


def play(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """Play a scene; the world after it."""
    monkeypatch.setattr(deck, "PlayerProcess", Desk)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    async def whole() -> World:
        world = World(tmp_path)
        await scene(world)
        await settled()
        await world.playback.close()
        return world

    return asyncio.run(whole())
