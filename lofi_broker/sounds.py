"""Where the sound of a track lies: in the library, in a file that still grows, or nowhere yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lofi_broker.library import Library
from lofi_common import api
from lofi_common.api_playback import MOST_TRACKS, ItemState, PlaylistItem
from lofi_common.errors import InvalidTrackId
from lofi_common.jobs import Job, JobState

_NONE_YET = 'Make one first: `lofi-submit "rainy night, mellow piano"`.'
_ALIKE = 50
"""Newest tracks that are looked through for one of the same model."""
_MOST_GAIN_DB = 12.0
"""More would only make the noise of a very soft track loud."""
_HELD_BARS = 4
_HELD_SEC = 8.0
_SAME_PLACE_SEC = 0.001


@dataclass(frozen=True)
class Sound:
    """What is known of a track that is played, or to be."""

    track_id: str
    prompt: str
    model_version: str
    duration_sec: float
    """Of the whole track; of one that is being made, what was asked for."""
    state: ItemState
    path: Path | None = None
    """None: there is nothing to be heard yet."""
    samples: int | None = None
    """Of each channel; None until it is whole."""
    loudness_lufs: float | None = None
    bar_sec: float | None = None
    bar_offset_sec: float | None = None

    @property
    def whole(self) -> bool:
        return self.samples is not None

    def hold(self) -> tuple[float, float] | None:
        """From where to where (seconds) it goes round while nothing comes next: its last bars, or its last
        seconds where its bars are not known. None until it is whole."""
        if not self.whole:
            return None
        end, length = self.duration_sec, _HELD_SEC
        if self.bar_sec and self.bar_offset_sec is not None:
            bars = (end - self.bar_offset_sec + _SAME_PLACE_SEC) // self.bar_sec
            if bars >= 1:
                length = min(bars, _HELD_BARS) * self.bar_sec
                last = self.bar_offset_sec + bars * self.bar_sec
                end = end if abs(end - last) < _SAME_PLACE_SEC else last
        return max(0.0, end - length), end


class Sounds:
    """Tracks of the library and of jobs, as the player needs them."""

    def __init__(
        self, library: Library, job: Callable[[str], Job | None], growing: Callable[[str], Path | None]
    ) -> None:
        """job: of that track, also one that has ended. growing: the file that a job's sound is written into,
        None before its first sound."""
        self._library = library
        self._job = job
        self._growing = growing
        self._ready: dict[str, float] = {}
        """Seconds that can be played of tracks that are being made."""

    def find(self, track_id: str) -> Sound:
        """Raises InvalidTrackId, in words, for a track that can't be heard and will not be."""
        try:
            track = self._library.find(track_id)
        except OSError as error:
            raise InvalidTrackId(f"it can't be read: {error.strerror}") from error
        if track is not None:
            return _whole(track)
        job = self._job(track_id)
        if job is None or job.state is JobState.COMPLETE:  # complete, but deleted since
            raise InvalidTrackId("it is not in the library any more")
        if job.state is JobState.CANCELLED:
            raise InvalidTrackId("its generation was cancelled")
        if job.state is JobState.FAILED:
            why = f": {job.error.message}" if job.error is not None else ""
            raise InvalidTrackId(f"it could not be made{why}")
        return Sound(
            track_id=track_id,
            prompt=job.spec.prompt,
            model_version=job.spec.model_version,
            duration_sec=float(job.spec.duration_sec),
            state="generating" if job.state is JobState.GENERATING else "queued",
            path=self._growing(track_id),
        )

    def is_silent(self, track_id: str) -> bool:
        """Whether it is being made, and nothing of it can be heard yet."""
        try:
            return self.find(track_id).path is None
        except InvalidTrackId:
            return False

    def checked(self, track_ids: list[str] | None) -> list[str]:
        """The ids that may be played; None means the whole library, newest first.

        Raises InvalidTrackId for one that neither the library nor the queue has.
        """
        if track_ids is None:
            tracks, _ = self._library.list(limit=MOST_TRACKS, offset=0, query="")
            if not tracks:
                raise InvalidTrackId("the library has no tracks yet", recovery=_NONE_YET)
            return [track.track_id for track in tracks]
        rest = [track_id for track_id in track_ids if not self._is_coming(track_id)]
        if (unknown := self._library.unknown(rest)) is not None:
            raise InvalidTrackId(f"the library has no track {unknown}")
        return track_ids

    def _is_coming(self, track_id: str) -> bool:
        job = self._job(track_id)
        return job is not None and not job.state.ended

    def told(self, event: api.GenerationProgress) -> None:
        """Keep how far a track can be played that is being made."""
        self._ready[event.track_id] = event.audio_sec

    def forget(self, track_id: str) -> None:
        """It is not being made any more."""
        self._ready.pop(track_id, None)

    def described(self, track_id: str) -> PlaylistItem:
        """What is told of it in a list."""
        try:
            sound = self.find(track_id)
        except InvalidTrackId:
            return PlaylistItem(track_id=track_id, prompt="", duration_sec=0.0, state="failed")
        return PlaylistItem(
            track_id=track_id, prompt=sound.prompt, duration_sec=sound.duration_sec, state=sound.state
        )

    def ready_of(self, track_id: str) -> float:
        """How much of a track can be played; 0 of one that will never be."""
        return self._ready.get(track_id) or self._whole_sec(track_id)

    def ready_sec(self, sound: Sound) -> float:
        """How much of it can be played; of one that has become whole meanwhile, all."""
        if sound.whole:
            return sound.duration_sec
        known = self._ready.get(sound.track_id)
        return known if known is not None else self._whole_sec(sound.track_id)

    def _whole_sec(self, track_id: str) -> float:
        """The length of a track that is in the library; 0 of others."""
        try:
            sound = self.find(track_id)
        except InvalidTrackId:
            return 0.0
        return sound.duration_sec if sound.whole else 0.0

    def gain_db(self, sound: Sound, target_lufs: float) -> float:
        """What brings a track to this loudness; 0 where no loudness is known, nor one of the same model, or
        none is wanted (target 0)."""
        loudness = sound.loudness_lufs
        if target_lufs == 0.0:
            return 0.0
        if loudness is None:
            tracks, _ = self._library.list(limit=_ALIKE, offset=0, query="")
            alike = (track for track in tracks if track.model_version == sound.model_version)
            loudness = next((one.loudness_lufs for one in alike if one.loudness_lufs is not None), None)
        return 0.0 if loudness is None else min(target_lufs - loudness, _MOST_GAIN_DB)


def _whole(track: api.Track) -> Sound:
    assert track.path is not None
    samples = track.samples
    if samples is None:
        samples = track.duration_sec * (track.sample_rate or 0)
    return Sound(
        track_id=track.track_id,
        prompt=track.prompt,
        model_version=track.model_version,
        duration_sec=track.seconds,
        state="complete",
        path=Path(track.path),
        samples=samples,
        loudness_lufs=track.loudness_lufs,
        bar_sec=track.bar_sec,
        bar_offset_sec=track.bar_offset_sec,
    )
