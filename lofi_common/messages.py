"""Every message that crosses a process, and nothing else. Golden bytes of each are in the tests."""

from __future__ import annotations

import msgspec

from lofi_common.errors import ErrorInfo
from lofi_common.jobs import JobSpec


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# worker → broker


class Hello(_Message, frozen=True, kw_only=True, tag="hello"):
    """The worker's first word."""

    protocol: int
    worker: str
    generation: int
    pid: int


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    """The model is loaded; `slots` jobs may be sent at once (the worker's credit)."""

    model_version: str
    device: str
    slots: int
    load_sec: float
    rss: int


class LoadFailed(_Message, frozen=True, kw_only=True, tag="load_failed"):
    """The model can't be loaded; the worker leaves after this."""

    error: ErrorInfo


class Heartbeat(_Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Sent twice a second from the IO thread, whatever inference does. `rss` in bytes."""

    rss: int


class Started(_Message, frozen=True, kw_only=True, tag="started"):
    job_id: str
    attempt: int


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    """`done` of about `total` frames."""

    job_id: str
    attempt: int
    done: int
    total: int


class Done(_Message, frozen=True, kw_only=True, tag="done"):
    """The track lies complete and synced in the spool under `path`. Gives back one credit."""

    job_id: str
    attempt: int
    path: str
    sha256: str
    bytes: int
    sample_rate: int
    samples: int
    """In each channel."""
    generation_sec: float


class Failed(_Message, frozen=True, kw_only=True, tag="failed"):
    """The attempt ended without a track. Gives back one credit."""

    job_id: str
    attempt: int
    error: ErrorInfo


WorkerMessage = Hello | Ready | LoadFailed | Heartbeat | Started | Progress | Done | Failed


# broker → worker


class Run(_Message, frozen=True, kw_only=True, tag="run"):
    job_id: str
    attempt: int
    spec: JobSpec


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
