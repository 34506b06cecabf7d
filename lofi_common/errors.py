"""One class per error a client can see, each with its number, its name and what the user can do next.

The numbers and names are the table of `docs/protocol.md`; the first five are JSON-RPC 2.0's own.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

_MESSAGE_CHARS = 4_000
_DETAILS_CHARS = 64_000


MORE_MEMORY = "Ask for a shorter track, use a smaller model, or raise worker.max_rss_mb."
MORE_MEMORY_TO_LOAD = "Use a smaller model, or raise worker.max_rss_mb."


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it crosses a process."""

    code: int
    name: str
    message: str
    details: str = ""
    recovery: str = ""

    def bounded(self) -> ErrorInfo:
        """The same, short enough for any front: some words come from a peer and are as long as it likes."""
        return ErrorInfo(
            code=self.code,
            name=_cut(self.name, _MESSAGE_CHARS),
            message=_cut(self.message, _MESSAGE_CHARS),
            details=_cut(self.details, _DETAILS_CHARS),
            recovery=_cut(self.recovery, _MESSAGE_CHARS),
        )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


class LofiError(Exception):
    """Base of all errors that reach a client. `str(error)` is the message for people."""

    code: ClassVar[int] = -32603
    name: ClassVar[str] = "INTERNAL_ERROR"
    hint: ClassVar[str] = "Look into the log (`lofi doctor` names it) and report what stands there."

    def __init__(self, message: str, *, details: str = "", recovery: str | None = None) -> None:
        """`recovery` takes the place of the class's own `hint` where more is known."""
        super().__init__(message)
        self.details = details
        self.recovery = self.hint if recovery is None else recovery
        if self.recovery:
            self.add_note(self.recovery)  # so that a script's traceback shows it

    def info(self) -> ErrorInfo:
        told = ErrorInfo(
            code=self.code,
            name=self.name,
            message=str(self),
            details=self.details,
            recovery=self.recovery,
        )
        return told.bounded()


class ParseError(LofiError):
    code = -32700
    name = "PARSE_ERROR"
    hint = "Send one JSON object per line, UTF-8, at most 1 MiB."


class InvalidRequest(LofiError):
    code = -32600
    name = "INVALID_REQUEST"
    hint = 'Send {"jsonrpc": "2.0", "id": …, "method": …, "params": {…}}.'


class MethodNotFound(LofiError):
    code = -32601
    name = "METHOD_NOT_FOUND"
    hint = "`lofi schema` lists the methods."


class InvalidParams(LofiError):
    code = -32602
    name = "INVALID_PARAMS"
    hint = "`lofi schema` shows the params of each method."


class InternalError(LofiError):
    pass


class ModelNotFound(LofiError):
    code = -32000
    name = "MODEL_NOT_FOUND"
    hint = "`lofi models list` shows what is installed and what can be had."


class ModelLoadFailed(LofiError):
    code = -32001
    name = "MODEL_LOAD_FAILED"
    hint = "`lofi models verify` tells whether its files are whole; if they are, free some memory."


class ModelDownloadFailed(LofiError):
    code = -32002
    name = "MODEL_DOWNLOAD_FAILED"
    hint = "See to the network and ask for the model again: what has come is not fetched twice."


class ModelInferenceFailed(LofiError):
    code = -32003
    name = "MODEL_INFERENCE_FAILED"
    hint = "Try again; if it fails again, try another seed or a shorter duration."


class QueueFull(LofiError):
    code = -32004
    name = "QUEUE_FULL"
    hint = "Wait for a track to finish, or cancel one (`lofi queue`, `lofi cancel`)."


class InvalidDuration(LofiError):
    code = -32005
    name = "INVALID_DURATION"
    hint = "Over 120 s need another limit: `lofi config set queue.max_duration_sec SEC && lofi broker stop`."


class InvalidPrompt(LofiError):
    code = -32006
    name = "INVALID_PROMPT"
    hint = "Describe the track in 1 to 1000 characters."


class ConsentRequired(LofiError):
    code = -32007
    name = "DOWNLOAD_CONSENT_REQUIRED"
    hint = "Read the licence, then ask again with consent (`lofi models pull MODEL --yes`)."


class GenerationCancelled(LofiError):
    code = -32008
    name = "GENERATION_CANCELLED"
    hint = "Submit the prompt again if you want the track after all."


class InvalidTrackId(LofiError):
    code = -32009
    name = "INVALID_TRACK_ID"
    hint = "`lofi queue` and `lofi tracks` list the ids."


class CacheWriteError(LofiError):
    code = -32010
    name = "CACHE_WRITE_ERROR"
    hint = "Free some disk space, or choose a folder that you may write to, and submit again."


class BrokerUnavailable(LofiError):
    code = -32011
    name = "BROKER_UNAVAILABLE"
    hint = "Start it with `lofi broker start`; `lofi doctor` tells what is wrong."


class AudioDeviceError(LofiError):
    code = -32012
    name = "AUDIO_DEVICE_ERROR"
    hint = (
        "Connect a sound device, or start the sound server (PipeWire, PulseAudio), and play again;"
        " `lofi doctor` lists the devices. Everything else works without sound."
    )


ALL_ERRORS: tuple[type[LofiError], ...] = (
    ParseError,
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    InternalError,
    ModelNotFound,
    ModelLoadFailed,
    ModelDownloadFailed,
    ModelInferenceFailed,
    QueueFull,
    InvalidDuration,
    InvalidPrompt,
    ConsentRequired,
    GenerationCancelled,
    InvalidTrackId,
    CacheWriteError,
    BrokerUnavailable,
    AudioDeviceError,
)


def from_info(info: ErrorInfo) -> LofiError:
    """The exception that an `ErrorInfo` from another process stands for."""
    for kind in ALL_ERRORS:
        if kind.name == info.name:
            return kind(info.message, details=info.details, recovery=info.recovery)
    return InternalError(f"{info.name}: {info.message}", details=info.details)
