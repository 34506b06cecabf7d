"""What clients are told of the playback, and how far it has come."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from lofi_broker.sounds import Sound
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common.logs import fields

log = logging.getLogger(__name__)

Publish = Callable[[str, api.Result], None]


class Whereabouts:
    """The place in the track that is heard, or waited for."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._track_id: str | None = None
        self._position = 0.0
        self._known_at = 0.0
        self.duration_sec = 0.0
        self.starved = False
        """The track is being made, and what there is of it has been heard."""

    def position_sec(self, *, moving: bool) -> float:
        passed = time.monotonic() - self._known_at if moving else 0.0
        return min(self._position + passed, self.duration_sec)

    def move(self, position_sec: float) -> None:
        self._position = position_sec
        self._known_at = time.monotonic()

    def wait(self, sound: Sound) -> None:
        """Nothing is heard before there is something of this track."""
        self._enter(sound.track_id, sound.duration_sec)
        log.info(fields("playback_waiting", track_id=sound.track_id, state=sound.state))
        self.tell("playback_waiting", kinds.PlaybackWaiting)

    def begin(self, sound: Sound, duration_sec: float, index: int, count: int) -> None:
        self._enter(sound.track_id, duration_sec)
        log.info(fields("playback_started", track_id=sound.track_id, index=index, count=count))
        started = kinds.PlaybackStarted(
            track_id=sound.track_id,
            index=index,
            count=count,
            duration_sec=duration_sec,
            prompt=sound.prompt,
        )
        self._publish("playback_started", started)

    def _enter(self, track_id: str, duration_sec: float) -> None:
        self._track_id, self.duration_sec, self.starved = track_id, duration_sec, False
        self.move(0.0)

    def leave(self) -> None:
        """Nothing plays."""
        self._track_id, self.duration_sec, self.starved = None, 0.0, False
        self.move(0.0)

    def starve(self, on: bool) -> None:
        self.starved = on
        if on:
            self.tell("playback_waiting", kinds.PlaybackWaiting)
        else:
            self.tell("playback_resumed", kinds.PlaybackResumed)

    def tell(self, method: str, kind: type[kinds.PlaybackPosition]) -> None:
        """One notification about the place; none where nothing is heard or waited for."""
        if self._track_id is not None:
            position = round(self._position, 3)
            told = kind(track_id=self._track_id, position_sec=position, duration_sec=self.duration_sec)
            self._publish(method, told)

    def end(self, reason: kinds.EndReason, message: str | None) -> None:
        """What was heard, or waited for, is over."""
        if self._track_id is not None:
            track_id, self._track_id = self._track_id, None
            self._tell_end(track_id, reason, message)

    def tell_failed(self, track_id: str, why: str) -> None:
        """Of a track that is not heard at all."""
        self._tell_end(track_id, "failed", why)

    def _tell_end(self, track_id: str, reason: kinds.EndReason, message: str | None) -> None:
        log.info(fields("playback_ended", track_id=track_id, reason=reason, message=message or ""))
        self._publish(
            "playback_ended", kinds.PlaybackEnded(track_id=track_id, reason=reason, message=message)
        )
