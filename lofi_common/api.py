"""The methods and notifications that clients rely on: a type for the params and one for the result of each.

Both front ends (JSON-RPC on stdio, msgpack over ZeroMQ) decode with these types; `lofi schema` is made
from them.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lofi_common import api_models as models
from lofi_common import api_playback as playback
from lofi_common.api_base import Method as Method
from lofi_common.api_base import NoParams as NoParams
from lofi_common.api_base import Params as Params
from lofi_common.api_base import Result as Result
from lofi_common.api_base import TrackId as TrackId
from lofi_common.errors import ErrorInfo, InvalidDuration, InvalidParams, InvalidPrompt, MethodNotFound
from lofi_common.jobs import MAX_DURATION_SEC, MIN_DURATION_SEC, AudioFormat, JobState, Priority
from lofi_common.messages import Slots
from lofi_common.refusals import in_words

DEFAULT_DURATION_SEC = 30
MAX_PROMPT_CHARS = 1000
_SEED = "must be a whole number from 0 to 2^64 - 1"

NonNegative = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class InitializeParams(Params, frozen=True, kw_only=True):
    client: str
    protocol: int
    events: bool = False
    """Send every notification to this client from now on (stdio clients get them anyway)."""


class InitializeResult(Result, frozen=True, kw_only=True):
    protocol: int
    version: str
    capabilities: list[str]
    models: list[models.ModelInfo]
    durable: bool = True
    """Whether jobs outlive the broker."""


class GenerateParams(Params, frozen=True, kw_only=True):
    prompt: str
    duration_sec: Annotated[int, Meta(ge=MIN_DURATION_SEC, le=MAX_DURATION_SEC)] = DEFAULT_DURATION_SEC
    seed: Annotated[int, Meta(ge=0)] | None = None
    priority: Priority = Priority.NORMAL
    model: str | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=10.0)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=65536)] | None = None
    top_p: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    format: AudioFormat = AudioFormat.WAV
    output: str | None = None
    """Absolute path to copy the track to."""
    force: bool = False
    """Replace an existing file there."""


class GenerateResult(Result, frozen=True, kw_only=True):
    track_id: str
    status: JobState
    seed: int
    model_version: str
    position: int | None = None
    """0 = next to generate; absent unless queued."""
    path: str | None = None
    """Present when the track was in the library already."""


class TrackParams(Params, frozen=True, kw_only=True):
    track_id: TrackId


class CancelResult(Result, frozen=True, kw_only=True):
    track_id: str
    status: JobState


class ClearResult(Result, frozen=True, kw_only=True):
    cancelled: int


class CurrentJob(Result, frozen=True, kw_only=True):
    track_id: str
    prompt: str
    percent: int


class PendingJob(Result, frozen=True, kw_only=True):
    track_id: str
    prompt: str
    position: int


class QueueStatusResult(msgspec.Struct, frozen=True, kw_only=True):
    current: CurrentJob | None
    pending: list[PendingJob]


class WorkerInfo(Result, frozen=True, kw_only=True):
    worker: str
    state: str
    generation: int
    restarts: int
    model_version: str | None = None
    """What it has loaded, or is loading."""
    device: str | None = None
    threads: int | None = None
    slots: int | None = None
    """Tracks that its process makes side by side, or will make when it is started."""
    pid: int | None = None
    rss: int | None = None
    reason: str | None = None


class BrokerInfo(Result, frozen=True, kw_only=True):
    pid: int
    version: str
    protocol: int
    uptime_sec: float
    log: str
    warning: str | None = None
    """What the user has to know since the broker's start."""


class StatusResult(msgspec.Struct, frozen=True, kw_only=True):
    broker: BrokerInfo
    workers: list[WorkerInfo]
    current: CurrentJob | None
    queue_length: int
    library_tracks: int
    model: str
    device: str | None


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


class CacheListParams(Params, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    query: Annotated[str, Meta(max_length=MAX_PROMPT_CHARS)] = ""
    """Words that the prompt must hold, in any order and case."""


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


class WorkerSlotsParams(Params, frozen=True, kw_only=True):
    slots: Slots | None = None
    """null: as many as the setting `worker.slots`."""
    model: str | None = None
    """For which the memory is looked at; null: the selected one."""


class WorkerSlotsResult(Result, frozen=True, kw_only=True):
    slots: int
    before: int


class ShutdownResult(Result, frozen=True, kw_only=True):
    pid: int


# notifications


class GenerationStart(Result, frozen=True, kw_only=True):
    track_id: str
    prompt: str
    duration_sec: int
    seed: int
    model_version: str


class GenerationProgress(Result, frozen=True, kw_only=True):
    track_id: str
    percent: Annotated[int, Meta(ge=0, le=99)]
    tokens_generated: int
    tokens_estimated: int
    eta_sec: float


class GenerationComplete(Result, frozen=True, kw_only=True):
    track_id: str
    path: str
    duration_sec: int
    sample_rate: int
    prompt: str
    seed: int
    generation_time_sec: float
    model_version: str
    sha256: str
    output_errors: dict[str, str] | None = None
    """Copies that could not be written (`generate`'s `output`), with the reason; the track itself is safe."""


class GenerationError(Result, frozen=True, kw_only=True):
    track_id: str
    code: str
    message: str
    recovery: str


class WorkerRestart(Result, frozen=True, kw_only=True):
    worker: str
    reason: str
    attempt: int


METHODS: dict[str, Method] = {
    "initialize": Method(InitializeParams, InitializeResult),
    "generate": Method(GenerateParams, GenerateResult),
    "status": Method(NoParams, StatusResult),
    "queue_status": Method(NoParams, QueueStatusResult),
    "queue_cancel": Method(TrackParams, CancelResult),
    "queue_clear": Method(NoParams, ClearResult),
    "track_get": Method(TrackParams, Track),
    "cache_list": Method(CacheListParams, CacheListResult),
    "cache_delete": Method(TrackParams, CacheDeleteResult),
    "cache_clear": Method(NoParams, CacheClearResult),
    "cache_stats": Method(NoParams, CacheStatsResult),
    "models_list": Method(NoParams, models.ModelsListResult),
    "model_download": Method(models.ModelDownloadParams, models.ModelDownloadResult),
    "model_cancel": Method(models.ModelParams, models.ModelCancelResult),
    "model_select": Method(models.ModelParams, models.ModelSelectResult),
    "model_remove": Method(models.ModelParams, models.ModelRemoveResult),
    "model_verify": Method(models.ModelVerifyParams, models.ModelVerifyResult),
    "worker_slots": Method(WorkerSlotsParams, WorkerSlotsResult),
    **playback.METHODS,
    "shutdown": Method(NoParams, ShutdownResult),
}

NOTIFICATIONS: dict[str, type[Result]] = {
    "generation_start": GenerationStart,
    "generation_progress": GenerationProgress,
    "generation_complete": GenerationComplete,
    "generation_error": GenerationError,
    "download_progress": models.DownloadProgress,
    "model_status": models.ModelStatus,
    "worker_restart": WorkerRestart,
    **playback.NOTIFICATIONS,
}

DETAILS: dict[str, type[Result]] = {"DOWNLOAD_CONSENT_REQUIRED": models.DownloadOffer}
"""Errors whose `details` are a JSON object of this type."""

NAMES: dict[type[Result], str] = {kind: name for name, kind in NOTIFICATIONS.items()}


def parse_params(method: str, params: object) -> Any:
    """The typed params of a request.

    Raises MethodNotFound, InvalidDuration, InvalidPrompt, or InvalidParams naming the field.
    """
    known = METHODS.get(method)
    if known is None:
        raise MethodNotFound(f"there is no method {method!r}")
    try:
        parsed = msgspec.convert(params, known.params)
    except msgspec.ValidationError as error:
        if "`$.duration_sec`" in str(error):
            raise InvalidDuration(
                f"duration_sec must be a whole number from {MIN_DURATION_SEC} to {MAX_DURATION_SEC}",
                details=str(error),
            ) from error
        told = f"seed: {_SEED}" if "`$.seed`" in str(error) else in_words(str(error), known.params)
        raise InvalidParams(told, details=f"{method}: {error}") from error
    return _checked(parsed) if isinstance(parsed, GenerateParams) else parsed


def _checked(params: GenerateParams) -> GenerateParams:
    """What types can't say: the prompt's length after trimming, the seed's range."""
    prompt = params.prompt.strip()
    if not prompt:
        raise InvalidPrompt("the prompt is empty")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise InvalidPrompt(f"the prompt has {len(prompt)} characters, over the limit of {MAX_PROMPT_CHARS}")
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidPrompt("the prompt is not valid Unicode text", details=str(error)) from error
    if params.seed is not None and params.seed >= 1 << 64:
        raise InvalidParams(f"seed: {_SEED}")
    return msgspec.structs.replace(params, prompt=prompt)
