"""The part of the protocol that is about playing tracks on the broker's machine."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from lofi_common.api_base import Method, NoParams, Params, Result, TrackId

MOST_TRACKS = 1000
"""In one list that is played."""

PlaybackState = Literal["stopped", "playing", "paused"]
EndReason = Literal["finished", "stopped", "skipped", "replaced", "failed"]
Volume = Annotated[float, Meta(ge=0.0, le=1.0)]


class PlayParams(Params, frozen=True, kw_only=True):
    track_ids: Annotated[list[TrackId], Meta(min_length=1, max_length=MOST_TRACKS)] | None = None
    """One after the other, in the place of what plays. Absent: go on with what is paused or plays, else the
    whole library, newest first."""


class VolumeParams(Params, frozen=True, kw_only=True):
    volume: Volume
    """1 = as the file is, 0 = silent; in between samples are multiplied by it."""


class PlaybackStatus(Result, frozen=True, kw_only=True):
    """What plays, or is paused. Every method of the playback answers with it."""

    state: PlaybackState
    volume: Volume
    position_sec: float
    duration_sec: float
    index: int
    """Of the track in the list, from 0."""
    count: int
    """Tracks in the list; 0 when stopped."""
    track_id: str | None = None
    """Absent when stopped."""


class PlaybackStarted(Result, frozen=True, kw_only=True):
    track_id: str
    index: int
    count: int
    duration_sec: float
    prompt: str


class PlaybackPosition(Result, frozen=True, kw_only=True):
    """Once a second while a track plays."""

    track_id: str
    position_sec: float
    duration_sec: float


class PlaybackPaused(PlaybackPosition, frozen=True, kw_only=True):
    pass


class PlaybackResumed(PlaybackPosition, frozen=True, kw_only=True):
    pass


class PlaybackEnded(Result, frozen=True, kw_only=True):
    """One for each track that started, and one (failed) for each that could not."""

    track_id: str
    reason: EndReason
    message: str | None = None
    """Why it failed."""


METHODS: dict[str, Method] = {
    "play": Method(PlayParams, PlaybackStatus),
    "pause": Method(NoParams, PlaybackStatus),
    "resume": Method(NoParams, PlaybackStatus),
    "stop": Method(NoParams, PlaybackStatus),
    "skip": Method(NoParams, PlaybackStatus),
    "volume_set": Method(VolumeParams, PlaybackStatus),
    "volume_get": Method(NoParams, PlaybackStatus),
    "playback_status": Method(NoParams, PlaybackStatus),
}

NOTIFICATIONS: dict[str, type[Result]] = {
    "playback_started": PlaybackStarted,
    "playback_paused": PlaybackPaused,
    "playback_resumed": PlaybackResumed,
    "playback_position": PlaybackPosition,
    "playback_ended": PlaybackEnded,
}
