"""Typed client of the broker: `with Lofi.connect() as lofi: ...`, or with AsyncLofi and `async with`.

Everything that a script needs is imported from here.
"""

from typing import TYPE_CHECKING, Any

from lofi_client.client import Lofi
from lofi_client.following import GenerationEvent, InstallEvent, TrackEvent
from lofi_client.generation import Generation
from lofi_common.api import (
    GenerateParams,
    GenerateResult,
    GenerationComplete,
    GenerationError,
    GenerationProgress,
    GenerationStart,
    Track,
    WorkerRestart,
)
from lofi_common.api_library import CacheEvicted
from lofi_common.api_models import DownloadProgress, ModelDownloadParams, ModelStatus
from lofi_common.api_playback import (
    PlaybackEnded,
    PlaybackPaused,
    PlaybackPosition,
    PlaybackResumed,
    PlaybackStarted,
    PlaybackStatus,
    PlaybackWaiting,
)
from lofi_common.api_radio import RadioChanged, RadioStatus
from lofi_common.errors import (
    AudioDeviceError,
    BrokerUnavailable,
    CacheWriteError,
    ConsentRequired,
    GenerationCancelled,
    InternalError,
    InvalidDuration,
    InvalidParams,
    InvalidPrompt,
    InvalidRequest,
    InvalidTrackId,
    LofiError,
    ModelDownloadFailed,
    ModelInferenceFailed,
    ModelLoadFailed,
    ModelNotFound,
    QueueFull,
)
from lofi_common.jobs import AudioFormat, JobState, Priority

if TYPE_CHECKING:
    from lofi_client.async_client import AsyncLofi
    from lofi_client.async_generation import AsyncGeneration

__all__ = [
    "AsyncGeneration",
    "AsyncLofi",
    "AudioDeviceError",
    "AudioFormat",
    "BrokerUnavailable",
    "CacheEvicted",
    "CacheWriteError",
    "ConsentRequired",
    "DownloadProgress",
    "GenerateParams",
    "GenerateResult",
    "Generation",
    "GenerationCancelled",
    "GenerationComplete",
    "GenerationError",
    "GenerationEvent",
    "GenerationProgress",
    "GenerationStart",
    "InstallEvent",
    "InternalError",
    "InvalidDuration",
    "InvalidParams",
    "InvalidPrompt",
    "InvalidRequest",
    "InvalidTrackId",
    "JobState",
    "Lofi",
    "LofiError",
    "ModelDownloadFailed",
    "ModelDownloadParams",
    "ModelInferenceFailed",
    "ModelLoadFailed",
    "ModelNotFound",
    "ModelStatus",
    "PlaybackEnded",
    "PlaybackPaused",
    "PlaybackPosition",
    "PlaybackResumed",
    "PlaybackStarted",
    "PlaybackStatus",
    "PlaybackWaiting",
    "Priority",
    "QueueFull",
    "RadioChanged",
    "RadioStatus",
    "Track",
    "TrackEvent",
    "WorkerRestart",
]


def __getattr__(name: str) -> Any:
    """Commands, which have no use for asyncio, start without it."""
    if name == "AsyncLofi":
        from lofi_client.async_client import AsyncLofi

        return AsyncLofi
    if name == "AsyncGeneration":
        from lofi_client.async_generation import AsyncGeneration

        return AsyncGeneration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
