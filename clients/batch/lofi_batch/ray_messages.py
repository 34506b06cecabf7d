"""All that crosses between the driver of a batch on Ray and its actors, and nothing else."""

from __future__ import annotations

import msgspec

from lofi_common.errors import ErrorInfo
from lofi_common.jobs import JobSpec


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# driver → actor


class Setup(_Message, frozen=True, kw_only=True, tag="setup"):
    """What an actor is started with. version: of this program, on both sides the same."""

    version: str
    engine: str
    slots: int
    threads: int
    device: str
    place: str
    """URL, or an absolute folder that all nodes share."""
    made: str
    """The made folder of the place."""


class Source(_Message, frozen=True, kw_only=True, tag="source"):
    """A model, and where a node that has not got it can have it from."""

    name: str
    version: str
    """That of the real engine, also where a fake one runs."""
    manifest: bytes
    """Of its `model.toml`; `version` is made from its SHA-256, and it names that of each file."""
    folder: str | None = None
    """A path that it may have on every node."""
    url: str | None = None
    """For fsspec; None: it comes from the driver."""


class Make(_Message, frozen=True, kw_only=True, tag="make"):
    """One track. there: an earlier run may have made it; then it is looked for first."""

    track_id: str
    spec: JobSpec
    there: bool = False


# actor → driver


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    """The model is loaded."""

    node: str
    life: str
    """Differs for each process."""
    pid: int
    model_version: str
    device: str
    slots: int
    rss: int
    load_sec: float
    fetched: bool
    """This very call has brought the model to the node."""
    last_words: str
    """Of the process that this one replaces; empty where there was none, or it said nothing."""


class Missing(_Message, frozen=True, kw_only=True, tag="missing"):
    """The node has not got the model, and there is no URL: the driver sends it."""

    node: str
    life: str
    last_words: str


class Unable(_Message, frozen=True, kw_only=True, tag="unable"):
    """The model can't be had or loaded on this node."""

    node: str
    life: str
    error: ErrorInfo
    last_words: str


class Done(_Message, frozen=True, kw_only=True, tag="done"):
    """The track lies in the made folder. seconds: None where an earlier run made it."""

    sha256: str
    bytes: int
    seconds: float | None


class Ended(_Message, frozen=True, kw_only=True, tag="ended"):
    """There is no track."""

    error: ErrorInfo


class Unloaded(_Message, frozen=True, kw_only=True, tag="unloaded"):
    """Nothing was begun: this process is new, and was not told of any model yet."""


Loaded = Ready | Missing | Unable
Answer = Done | Ended | Unloaded

_ENCODER = msgspec.msgpack.Encoder()
_SETUP = msgspec.msgpack.Decoder(Setup)
_SOURCE = msgspec.msgpack.Decoder(Source)
_MAKE = msgspec.msgpack.Decoder(Make)
_LOADED: msgspec.msgpack.Decoder[Loaded] = msgspec.msgpack.Decoder(Loaded)
_ANSWER: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def pack(message: Setup | Source | Make | Loaded | Answer) -> bytes:
    return _ENCODER.encode(message)


def setup_of(data: bytes) -> Setup:
    return _SETUP.decode(data)


def source_of(data: bytes) -> Source:
    return _SOURCE.decode(data)


def make_of(data: bytes) -> Make:
    return _MAKE.decode(data)


def loaded_of(data: bytes) -> Loaded:
    return _LOADED.decode(data)


def answer_of(data: bytes) -> Answer:
    return _ANSWER.decode(data)
