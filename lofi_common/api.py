"""The methods and notifications that clients rely on: a type for the params and one for the result of each.

Both front ends (JSON-RPC on stdio, msgpack over ZeroMQ) decode with these types; `lofi schema` is made
from them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lofi_common import api_library as library
from lofi_common import api_models as models
from lofi_common import api_playback as playback
from lofi_common import api_radio as radio
from lofi_common.api_base import Method as Method
from lofi_common.api_base import NoParams as NoParams
from lofi_common.api_base import Params as Params
from lofi_common.api_base import Result as Result
from lofi_common.api_base import TrackId as TrackId
from lofi_common.api_generate import DEFAULT_DURATION_SEC as DEFAULT_DURATION_SEC
from lofi_common.api_generate import DURATION_IN_WORDS, SEED_IN_WORDS, check_seed, checked
from lofi_common.api_generate import MAX_PROMPT_CHARS as MAX_PROMPT_CHARS
from lofi_common.api_generate import GenerateParams as GenerateParams
from lofi_common.api_generate import GenerateResult as GenerateResult
from lofi_common.api_generate import GenerationComplete as GenerationComplete
from lofi_common.api_generate import GenerationError as GenerationError
from lofi_common.api_generate import GenerationProgress as GenerationProgress
from lofi_common.api_generate import GenerationStart as GenerationStart
from lofi_common.api_library import CacheListResult as CacheListResult
from lofi_common.api_library import CacheStatsResult as CacheStatsResult
from lofi_common.api_library import Track as Track
from lofi_common.api_library import TrackParams as TrackParams
from lofi_common.errors import InvalidDuration, InvalidParams, MethodNotFound
from lofi_common.jobs import JobState
from lofi_common.messages import Slots
from lofi_common.refusals import in_words


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
    **library.METHODS,
    "models_list": Method(NoParams, models.ModelsListResult),
    "model_download": Method(models.ModelDownloadParams, models.ModelDownloadResult),
    "model_cancel": Method(models.ModelParams, models.ModelCancelResult),
    "model_select": Method(models.ModelParams, models.ModelSelectResult),
    "model_remove": Method(models.ModelParams, models.ModelRemoveResult),
    "model_verify": Method(models.ModelVerifyParams, models.ModelVerifyResult),
    "worker_slots": Method(WorkerSlotsParams, WorkerSlotsResult),
    **playback.METHODS,
    **radio.METHODS,
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
    **library.NOTIFICATIONS,
    **playback.NOTIFICATIONS,
    **radio.NOTIFICATIONS,
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
            raise InvalidDuration(DURATION_IN_WORDS, details=str(error)) from error
        told = f"seed: {SEED_IN_WORDS}" if "`$.seed`" in str(error) else in_words(str(error), known.params)
        raise InvalidParams(told, details=f"{method}: {error}") from error
    if isinstance(parsed, radio.RadioStartParams):
        check_seed(parsed.seed)
    return checked(parsed) if isinstance(parsed, GenerateParams) else parsed
