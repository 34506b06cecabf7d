"""The part of the protocol that is about the track library and the prompts' history."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.api_base import Method, NoParams, Params, Result, TrackId
from lofi_common.api_generate import MAX_PROMPT_CHARS
from lofi_common.errors import ErrorInfo
from lofi_common.jobs import AudioFormat, JobState

MOST_TAGS = 32
"""Of a track."""
MOST_CHECKED = 1000
"""Tracks of one `cache_verify`."""

Tag = Annotated[str, Meta(max_length=200)]
"""1 to 40 characters after trimming."""
Query = Annotated[str, Meta(max_length=MAX_PROMPT_CHARS)]


class Track(Result, frozen=True, kw_only=True):
    """A track of the library, or the job that is to become one."""

    track_id: str
    status: JobState
    prompt: str
    duration_sec: int
    seed: int
    model_version: str
    temperature: float
    top_k: int
    top_p: float
    guidance_scale: float
    format: AudioFormat
    path: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    sample_rate: int | None = None
    generation_time_sec: float | None = None
    created_at: float | None = None
    error: ErrorInfo | None = None
    continue_from: str | None = None
    """The track that it continues."""
    loop: bool = False
    """It repeats without a seam."""
    segment: bool = False
    """It is a piece of a stream."""
    radio: bool = False
    """The radio made it, and nobody has made it a favourite, tagged it or asked for it since: it is evicted
    before all others."""
    samples: int | None = None
    """In each channel."""
    loudness_lufs: float | None = None
    """Integrated, of EBU R128; null for silence."""
    peak: float | None = None
    """The largest |sample|, 0 to 1."""
    bar_sec: float | None = None
    bar_offset_sec: float | None = None
    """Where a bar begins; null, as `bar_sec`, where bars are not known."""
    tokens_sha256: str | None = None
    """Of the file of its tokens, which lies beside the track."""
    tokens_bytes: int | None = None
    source: Literal["generated", "imported"] = "generated"
    favourite: bool = False
    """Never evicted."""
    tags: list[str] = msgspec.field(default_factory=list)
    plays: int = 0
    played_at: float | None = None
    """When it was played the last time."""

    @property
    def seconds(self) -> float:
        """How long it is: of a loop or a segment not quite `duration_sec`, which is what was asked for."""
        if self.samples is None or not self.sample_rate:
            return float(self.duration_sec)
        return self.samples / self.sample_rate


class TrackParams(Params, frozen=True, kw_only=True):
    track_id: TrackId


class FavouriteParams(Params, frozen=True, kw_only=True):
    track_id: TrackId
    on: bool = True


class TagParams(Params, frozen=True, kw_only=True):
    track_id: TrackId
    add: Annotated[list[Tag], Meta(max_length=MOST_TAGS)] = msgspec.field(default_factory=list)
    remove: Annotated[list[Tag], Meta(max_length=MOST_TAGS)] = msgspec.field(default_factory=list)


class CacheListParams(Params, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    query: Query = ""
    """Words, or parts of them, all of which the prompt, the tags or the model's name hold, in any order."""
    favourites: bool = False
    """Those alone."""
    tag: Tag = ""
    """Only tracks that have it."""


class CacheListResult(Result, frozen=True, kw_only=True):
    tracks: list[Track]
    total: int


class CacheDeleteResult(Result, frozen=True, kw_only=True):
    track_id: str


class CacheClearResult(Result, frozen=True, kw_only=True):
    deleted: int


class CacheStatsResult(Result, frozen=True, kw_only=True):
    tracks: int
    bytes: int
    path: str
    max_bytes: int
    """The limit of their bytes; 0 = none."""
    max_tracks: int
    """The limit of their number; 0 = none."""
    evicted: int = 0
    """How many were deleted to make room since the broker's start."""


class HistoryParams(Params, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    query: Query = ""
    """Words, or parts of them, all of which the prompt holds, in any order."""


class AskedPrompt(Result, frozen=True, kw_only=True):
    prompt: str
    asked: int
    """How often."""
    asked_at: float
    """The last time."""


class HistoryResult(Result, frozen=True, kw_only=True):
    prompts: list[AskedPrompt]
    total: int


class HistoryClearResult(Result, frozen=True, kw_only=True):
    forgotten: int


class VerifyParams(Params, frozen=True, kw_only=True):
    track_ids: Annotated[list[TrackId], Meta(min_length=1, max_length=MOST_CHECKED)] | None = None
    """Read all their files. Absent: look at the whole library without reading: what is left over in it."""
    repair: bool = False
    """See to what is wrong: below, under "The library"."""


ProblemKind = Literal["missing", "changed", "damaged", "unreadable", "orphan"]


class Problem(Result, frozen=True, kw_only=True):
    file: str
    """Its name in the library's folder."""
    what: ProblemKind
    message: str
    track_id: str
    repaired: bool = False


class VerifyResult(Result, frozen=True, kw_only=True):
    tracks: int
    """How many were looked at."""
    bytes: int
    problems: list[Problem]


class ImportParams(Params, frozen=True, kw_only=True):
    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    """Absolute: WAV, FLAC, OGG (Vorbis) or MP3, of an hour at most."""


class ImportResult(Result, frozen=True, kw_only=True):
    track: Track
    duplicate: bool
    """It was in the library already: the same file, or the track that it was exported from."""


class CacheEvicted(Result, frozen=True, kw_only=True):
    """Tracks that were deleted for want of room: pieces of the radio first, then what was not played for the
    longest."""

    track_ids: list[str]


METHODS: dict[str, Method] = {
    "track_favourite": Method(FavouriteParams, Track),
    "track_tag": Method(TagParams, Track),
    "cache_list": Method(CacheListParams, CacheListResult),
    "cache_delete": Method(TrackParams, CacheDeleteResult),
    "cache_clear": Method(NoParams, CacheClearResult),
    "cache_stats": Method(NoParams, CacheStatsResult),
    "cache_verify": Method(VerifyParams, VerifyResult),
    "track_import": Method(ImportParams, ImportResult),
    "prompt_history": Method(HistoryParams, HistoryResult),
    "prompt_history_clear": Method(NoParams, HistoryClearResult),
}

NOTIFICATIONS: dict[str, type[Result]] = {"cache_evicted": CacheEvicted}
