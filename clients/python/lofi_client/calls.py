"""What can be asked of a broker: method, params, type of the result and time for each. No sockets in here.

`Lofi` and `AsyncLofi` make their functions from these.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from lofi_client.formats import format_of
from lofi_common import PROTOCOL, api, api_models, api_playback
from lofi_common.jobs import AudioFormat, Priority

R = TypeVar("R", bound=msgspec.Struct)

GREET_SEC = 5.0
CALL_SEC = 30.0
_HUB_SEC = 90.0
_VERIFY_SEC = 600.0


class Call(NamedTuple, Generic[R]):
    """One request. After `timeout_sec` without an answer BrokerUnavailable is raised."""

    method: str
    params: api.Params
    result: type[R]
    timeout_sec: float = CALL_SEC

    def answered(self, result: dict[str, object]) -> R:
        return msgspec.convert(result, self.result)


class Order(NamedTuple):
    """A track that is wanted, and for how many seconds somebody waits for it (None: until it has ended)."""

    params: api.GenerateParams
    timeout_sec: float | None


def order(
    prompt: str | None = None,
    *,
    duration_sec: int = api.DEFAULT_DURATION_SEC,
    seed: int | None = None,
    model: str | None = None,
    priority: Priority | Literal["normal", "high"] = Priority.NORMAL,
    format: AudioFormat | Literal["wav", "flac", "ogg", "mp3"] | None = None,
    output: str | os.PathLike[str] | None = None,
    force: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    guidance_scale: float | None = None,
    continue_from: str | None = None,
    loop: bool = False,
    timeout_sec: float | None = None,
) -> Order:
    """Check what is asked for before it is sent. Raises InvalidPrompt, InvalidDuration, InvalidParams."""
    target = os.fspath(output) if output is not None else None
    wanted = {
        "prompt": prompt,
        "duration_sec": duration_sec,
        "seed": seed,
        "model": model,
        "priority": priority,
        "format": format or (format_of(target) if target else None),
        # A slash at its end says that it is a folder.
        "output": os.path.abspath(target) + ("/" if target.endswith("/") else "") if target else target,
        "force": force,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "guidance_scale": guidance_scale,
        "continue_from": continue_from,
        "loop": loop,
    }
    return Order(api.parse_params("generate", wanted), timeout_sec)


def initialize(name: str) -> Call[api.InitializeResult]:
    params = api.InitializeParams(client=name, protocol=PROTOCOL, events=True)
    return Call("initialize", params, api.InitializeResult, GREET_SEC)


def submit(params: api.GenerateParams) -> Call[api.GenerateResult]:
    return Call("generate", params, api.GenerateResult)


def status() -> Call[api.StatusResult]:
    """The broker, its workers, what runs, how much waits."""
    return Call("status", api.NoParams(), api.StatusResult)


def queue() -> Call[api.QueueStatusResult]:
    """The track that is made now, and the first 100 that wait."""
    return Call("queue_status", api.NoParams(), api.QueueStatusResult)


def cancel(track_id: str, timeout_sec: float = CALL_SEC) -> Call[api.CancelResult]:
    """Cancel a queued or running track. When the answer takes longer, the cancel may still come.

    Raises InvalidTrackId when there is no such job, or it has ended.
    """
    return Call("queue_cancel", api.TrackParams(track_id=track_id), api.CancelResult, timeout_sec)


def clear_queue() -> Call[api.ClearResult]:
    """Cancel what waits; what runs is kept."""
    return Call("queue_clear", api.NoParams(), api.ClearResult)


def track(track_id: str) -> Call[api.Track]:
    """A track of the library, or the job that is to become one. Raises InvalidTrackId."""
    return Call("track_get", api.TrackParams(track_id=track_id), api.Track)


def models() -> Call[api_models.ModelsListResult]:
    """What is installed, what is being installed, and what the catalogue has."""
    return Call("models_list", api.NoParams(), api_models.ModelsListResult)


def download_model(params: api_models.ModelDownloadParams) -> Call[api_models.ModelDownloadResult]:
    return Call("model_download", params, api_models.ModelDownloadResult, _HUB_SEC)


def cancel_model(model: str) -> Call[api_models.ModelCancelResult]:
    """Stop an installation; what was fetched is kept. Raises ModelNotFound."""
    return Call("model_cancel", api_models.ModelParams(model=model), api_models.ModelCancelResult)


def select_model(model: str) -> Call[api_models.ModelSelectResult]:
    """Choose the model of all later tracks that name none. Raises ModelNotFound, ConsentRequired."""
    return Call("model_select", api_models.ModelParams(model=model), api_models.ModelSelectResult)


def remove_model(model: str) -> Call[api_models.ModelRemoveResult]:
    """Delete an installed model that no job needs. Raises ModelNotFound, InvalidParams."""
    return Call("model_remove", api_models.ModelParams(model=model), api_models.ModelRemoveResult)


def verify_model(model: str | None = None, *, full: bool = False) -> Call[api_models.ModelVerifyResult]:
    """Check an installed model's files, the selected one's by default; with `full`, load and run it."""
    params = api_models.ModelVerifyParams(model=model, full=full)
    return Call("model_verify", params, api_models.ModelVerifyResult, _VERIFY_SEC)


def play(track_ids: Sequence[str] | None = None) -> Call[api_playback.PlaybackStatus]:
    """Play these tracks, one after the other, in the place of what plays; also while they are being made.

    Without ids: go on with what is paused, else with the list that there is, else play the whole library,
    newest first. Raises InvalidTrackId, AudioDeviceError.
    """
    params = api_playback.PlayParams(track_ids=None if track_ids is None else list(track_ids))
    return Call("play", params, api_playback.PlaybackStatus)


def pause() -> Call[api_playback.PlaybackStatus]:
    """Hold what plays, if anything does."""
    return Call("pause", api.NoParams(), api_playback.PlaybackStatus)


def resume() -> Call[api_playback.PlaybackStatus]:
    """Go on with what is paused, if anything is."""
    return Call("resume", api.NoParams(), api_playback.PlaybackStatus)


def stop() -> Call[api_playback.PlaybackStatus]:
    """End the playback, if there is one."""
    return Call("stop", api.NoParams(), api_playback.PlaybackStatus)


def skip() -> Call[api_playback.PlaybackStatus]:
    """Play the next track of the list; after the last one, stop. While the radio is on, what plays goes on
    until the next piece is there: `skipping` says so."""
    return Call("skip", api.NoParams(), api_playback.PlaybackStatus)


def previous() -> Call[api_playback.PlaybackStatus]:
    """Play the track before; after more than 3 s of a track, that one from its start."""
    return Call("previous", api.NoParams(), api_playback.PlaybackStatus)


def toggle() -> Call[api_playback.PlaybackStatus]:
    """Hold what plays; where nothing does, what `play` does without ids."""
    return Call("toggle", api.NoParams(), api_playback.PlaybackStatus)


def seek(position_sec: float) -> Call[api_playback.PlaybackStatus]:
    """Go on from this place of the track that plays, if any does."""
    return Call("seek", api_playback.SeekParams(position_sec=position_sec), api_playback.PlaybackStatus)


def playlist(*, limit: int = 100, offset: int = 0) -> Call[api_playback.PlaylistResult]:
    """The list that is played, and which of it plays. limit: 1 to 100."""
    params = api_playback.PlaylistGetParams(limit=limit, offset=offset)
    return Call("playlist_get", params, api_playback.PlaylistResult)


def add_to_playlist(track_ids: Sequence[str], index: int | None = None) -> Call[api_playback.PlaybackStatus]:
    """Put tracks before the one that has this place in the list, counted from 0; None: behind the last.

    Raises InvalidTrackId.
    """
    params = api_playback.PlaylistAddParams(track_ids=list(track_ids), index=index)
    return Call("playlist_add", params, api_playback.PlaybackStatus)


def remove_from_playlist(index: int) -> Call[api_playback.PlaybackStatus]:
    """Take one out, counted from 0; of what plays, the next one begins. Raises InvalidParams."""
    params = api_playback.PlaylistRemoveParams(index=index)
    return Call("playlist_remove", params, api_playback.PlaybackStatus)


def clear_playlist() -> Call[api_playback.PlaybackStatus]:
    """Take out all but what plays."""
    return Call("playlist_clear", api.NoParams(), api_playback.PlaybackStatus)


def set_crossfade(sec: float) -> Call[api_playback.PlaybackStatus]:
    """sec: 0 to 12, for how long one track fades into the next; it is remembered."""
    return Call("crossfade_set", api_playback.CrossfadeParams(sec=sec), api_playback.PlaybackStatus)


def set_loop(mode: api_playback.LoopMode) -> Call[api_playback.PlaybackStatus]:
    """mode: "track" or "list" again and again, or "off"."""
    return Call("loop_set", api_playback.LoopParams(mode=mode), api_playback.PlaybackStatus)


def audio_devices() -> Call[api_playback.AudioDevices]:
    """Where sound can go on the broker's machine. Raises AudioDeviceError when nowhere."""
    return Call("audio_devices", api.NoParams(), api_playback.AudioDevices)


def set_audio_device(name: str | None) -> Call[api_playback.PlaybackStatus]:
    """name: as `audio_devices` tells it; None: the default one. It is remembered. Raises AudioDeviceError."""
    return Call("audio_device_set", api_playback.DeviceParams(name=name), api_playback.PlaybackStatus)


def volume() -> Call[api_playback.PlaybackStatus]:
    """How loud, 0 to 1, in what `playback` tells."""
    return Call("volume_get", api.NoParams(), api_playback.PlaybackStatus)


def set_volume(volume: float) -> Call[api_playback.PlaybackStatus]:
    """volume: 0 (silent) to 1 (as the file is)."""
    return Call("volume_set", api_playback.VolumeParams(volume=volume), api_playback.PlaybackStatus)


def playback() -> Call[api_playback.PlaybackStatus]:
    """What plays, or is paused, and how loud."""
    return Call("playback_status", api.NoParams(), api_playback.PlaybackStatus)


def worker_slots(slots: int | None = None, *, model: str | None = None) -> Call[api.WorkerSlotsResult]:
    """From now on make so many tracks side by side, 1 to 64; None: as many as the settings say.

    It holds for everybody, until the next call or the broker's end. Raises InvalidParams when there is not
    memory enough for so many with this model, by default the selected one.
    """
    return Call("worker_slots", api.WorkerSlotsParams(slots=slots, model=model), api.WorkerSlotsResult)


def shutdown() -> Call[api.ShutdownResult]:
    """Tell the broker to leave in order. What waits stays on disk."""
    return Call("shutdown", api.NoParams(), api.ShutdownResult)
