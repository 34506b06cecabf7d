"""The part of the protocol that is about playing tracks on the broker's machine."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.api_base import Method, NoParams, Params, Result, TrackId

MOST_TRACKS = 1000
"""In one list that is played."""
_LISTED = 100
"""Items that `playlist_get` tells at once: with the longest prompts they fit into one message."""

PlaybackState = Literal["stopped", "waiting", "playing", "paused"]
"""waiting: for a track that is being made, before its first sound or where there is no more of it yet."""
ItemState = Literal["complete", "generating", "queued", "failed"]
EndReason = Literal["finished", "stopped", "skipped", "replaced", "failed"]
LoopMode = Literal["off", "track", "list"]
Volume = Annotated[float, Meta(ge=0.0, le=1.0)]
CrossfadeSec = Annotated[float, Meta(ge=0.0, le=12.0)]
TrackIds = Annotated[list[TrackId], Meta(min_length=1, max_length=MOST_TRACKS)]
Place = Annotated[int, Meta(ge=0, le=MOST_TRACKS)]


class PlayParams(Params, frozen=True, kw_only=True):
    track_ids: TrackIds | None = None
    """One after the other, in the place of what plays; also of tracks that are being made. Absent: go on with
    what is paused or plays, else with the list that there is, else play the whole library, newest first."""


class VolumeParams(Params, frozen=True, kw_only=True):
    volume: Volume
    """1 = as the file is, 0 = silent; in between samples are multiplied by it."""


class SeekParams(Params, frozen=True, kw_only=True):
    position_sec: Annotated[float, Meta(ge=0.0, le=1e6)]
    """Beyond the end: to the end. Beyond what is made yet: as far as that goes."""


class PlaylistAddParams(Params, frozen=True, kw_only=True):
    track_ids: TrackIds
    index: Place | None = None
    """Before the item that has this place now; absent or beyond the end: behind the last."""


class PlaylistRemoveParams(Params, frozen=True, kw_only=True):
    index: Place
    """Of what plays: then the next item does."""


class PlaylistGetParams(Params, frozen=True, kw_only=True):
    offset: Place = 0
    limit: Annotated[int, Meta(ge=1, le=_LISTED)] = _LISTED


class CrossfadeParams(Params, frozen=True, kw_only=True):
    sec: CrossfadeSec
    """0: one track after the other, without a gap."""


class LoopParams(Params, frozen=True, kw_only=True):
    mode: LoopMode


class DeviceParams(Params, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=1000)] | None
    """As `audio_devices` tells it; null: the default device, whichever it is."""


class AudioDevice(Result, frozen=True, kw_only=True):
    name: str
    default: bool


class AudioDevices(Result, frozen=True, kw_only=True):
    devices: list[AudioDevice]
    backend: str
    """The sound system that they belong to."""
    current: str | None = None
    """The one that was chosen; absent: the default device."""


class PlaybackStatus(Result, frozen=True, kw_only=True):
    """What plays, or is paused. Every method of the playback answers with it."""

    state: PlaybackState
    volume: Volume
    position_sec: float
    duration_sec: float
    index: int
    """Of the track in the list, from 0."""
    count: int
    """Tracks in the list."""
    crossfade_sec: float
    loop: LoopMode
    track_id: str | None = None
    """Absent when stopped."""
    ready_sec: float | None = None
    """How much of the track can be played already; absent when stopped."""
    device: str | None = None
    """The sound device that was chosen; absent: the default one."""
    skipping: bool = False
    """Somebody skips, and what comes next is being made by the radio: it begins as soon as it is there."""


class PlaylistItem(Result, frozen=True, kw_only=True):
    track_id: str
    prompt: str
    """Empty for a track that nothing is known of any more."""
    duration_sec: float
    state: ItemState


class PlaylistResult(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PlaylistItem]
    index: int | None
    """Of what plays in the whole list; null: nothing does."""
    count: int
    """Items of the whole list."""
    loop: LoopMode


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


class PlaybackWaiting(PlaybackPosition, frozen=True, kw_only=True):
    """A track has no sound yet, or none that goes on: it is being made. When it has, `playback_started` or
    `playback_resumed` tells so."""


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
    "previous": Method(NoParams, PlaybackStatus),
    "toggle": Method(NoParams, PlaybackStatus),
    "seek": Method(SeekParams, PlaybackStatus),
    "volume_set": Method(VolumeParams, PlaybackStatus),
    "volume_get": Method(NoParams, PlaybackStatus),
    "playback_status": Method(NoParams, PlaybackStatus),
    "playlist_add": Method(PlaylistAddParams, PlaybackStatus),
    "playlist_remove": Method(PlaylistRemoveParams, PlaybackStatus),
    "playlist_clear": Method(NoParams, PlaybackStatus),
    "playlist_get": Method(PlaylistGetParams, PlaylistResult),
    "crossfade_set": Method(CrossfadeParams, PlaybackStatus),
    "loop_set": Method(LoopParams, PlaybackStatus),
    "audio_devices": Method(NoParams, AudioDevices),
    "audio_device_set": Method(DeviceParams, PlaybackStatus),
}

NOTIFICATIONS: dict[str, type[Result]] = {
    "playback_started": PlaybackStarted,
    "playback_waiting": PlaybackWaiting,
    "playback_paused": PlaybackPaused,
    "playback_resumed": PlaybackResumed,
    "playback_position": PlaybackPosition,
    "playback_ended": PlaybackEnded,
}
