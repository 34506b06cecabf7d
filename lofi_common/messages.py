"""Every message that crosses a process, and nothing else. Golden bytes of each are in the tests."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from lofi_common.errors import ErrorInfo
from lofi_common.jobs import JobSpec

Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Number = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Seconds = Annotated[float, Meta(ge=0)]
Slots = Annotated[int, Meta(ge=1, le=64)]
FilePath = Annotated[str, Meta(pattern=r"\A/[^\0]*\Z", max_length=4096)]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# worker → broker


class Hello(_Message, frozen=True, kw_only=True, tag="hello"):
    """The worker's first word."""

    protocol: int
    worker: str
    generation: Number
    pid: Number


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    """The model is loaded; `slots` jobs may be sent at once (the worker's credit)."""

    model_version: str
    device: str
    slots: Slots
    load_sec: Seconds
    rss: Count


class LoadFailed(_Message, frozen=True, kw_only=True, tag="load_failed"):
    """The model can't be loaded; the worker leaves after this."""

    error: ErrorInfo


class Heartbeat(_Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Sent twice a second from the IO thread, whatever inference does. `rss` in bytes."""

    rss: Count


class Started(_Message, frozen=True, kw_only=True, tag="started"):
    job_id: str
    attempt: Number


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    """`done` of about `total` frames; `audio_sec` of sound lie in the growing file."""

    job_id: str
    attempt: Number
    done: Count
    total: Count
    audio_sec: Seconds


class Done(_Message, frozen=True, kw_only=True, tag="done"):
    """The track lies complete and synced in the spool under `path`. Gives back one credit."""

    job_id: str
    attempt: Number
    path: FilePath
    sha256: Sha256
    bytes: Count
    sample_rate: Number
    samples: Count
    """In each channel."""
    generation_sec: Seconds
    peak: Annotated[float, Meta(ge=0, le=1)]
    """The largest |sample|."""
    loudness_lufs: float | None = None
    """Integrated, of EBU R128; None for silence."""
    bar_sec: Annotated[float, Meta(gt=0)] | None = None
    """How long a bar is, as far as it is known."""
    bar_offset_sec: Seconds | None = None
    """Where a bar begins."""
    tokens_sha256: Sha256 | None = None
    """Of the file of its tokens, `<job_id>.<attempt>.tokens` beside `path`."""
    tokens_bytes: Count | None = None


class Failed(_Message, frozen=True, kw_only=True, tag="failed", omit_defaults=True):
    """The attempt ended without a track. Gives back one credit."""

    job_id: str
    attempt: Number
    error: ErrorInfo
    leaves: bool = False
    """Its process can't go on and ends now."""


WorkerMessage = Hello | Ready | LoadFailed | Heartbeat | Started | Progress | Done | Failed


# broker → worker


class Run(_Message, frozen=True, kw_only=True, tag="run"):
    """past: the file of the tokens of the track that `spec.continue_from` names."""

    job_id: str
    attempt: int
    spec: JobSpec
    past: FilePath | None = None


class Cancel(_Message, frozen=True, kw_only=True, tag="cancel"):
    job_id: str
    attempt: int


class Shutdown(_Message, frozen=True, kw_only=True, tag="shutdown"):
    reason: str


BrokerMessage = Run | Cancel | Shutdown


# client ↔ broker


class Request(_Message, frozen=True, kw_only=True, tag="request"):
    """`params` are checked against the method's own type (`api.METHODS`)."""

    id: int
    method: str
    params: dict[str, object] = {}


class Response(_Message, frozen=True, kw_only=True, tag="response"):
    """Exactly one per request: `result` or `error`."""

    id: int
    result: dict[str, object] | None = None
    error: ErrorInfo | None = None


class Event(_Message, frozen=True, kw_only=True, tag="event"):
    """A notification. `seq` rises by one with each event of a broker, so that gaps show."""

    seq: int
    method: str
    params: dict[str, object]


FrontMessage = Response | Event
