"""Frames on a socket: `[b"LOFI/1", body]`, the body a msgpack map. The only place that packs or unpacks.

msgpack decodes (its limits stop header bombs), msgspec checks the types. Refused: other versions,
bodies over 1 MiB or of very many parts, ext types, non-finite floats, duplicate or non-string keys, trailing
bytes, unknown fields.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import msgpack
import msgspec

from lofi_common import messages

MAGIC = b"LOFI/1"
MAX_BYTES = 1 << 20
MAX_PARTS = 20_000
"""Maps and lists in one message: empty ones take a byte on the wire, but 64 in memory, and time."""

T = TypeVar("T")


class WireError(ValueError):
    """A frame that is not ours: dropped by whoever received it."""


def pack(message: object) -> list[bytes]:
    """The two frames of a message. Raises WireError when it is too large or msgpack has no form for it."""
    try:
        body = msgpack.packb(msgspec.to_builtins(message))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise WireError(f"can't be sent: {error}") from error
    if len(body) > MAX_BYTES:
        raise WireError(f"message of {len(body)} bytes is over the limit of {MAX_BYTES}")
    return [MAGIC, body]


class _Checks:
    """What msgpack would let pass, refused while one body is unpacked."""

    def __init__(self) -> None:
        self._parts = 0

    def no_ext(self, code: int, data: bytes) -> Any:
        raise WireError(f"ext type {code} is not allowed")

    def string_map(self, pairs: list[tuple[object, object]]) -> dict[str, object]:
        self._count()
        result: dict[str, object] = {}
        for key, value in pairs:
            if not isinstance(key, str) or key in result:
                raise WireError(f"duplicate or non-string key {key!r:.100}")
            if isinstance(value, float) and not math.isfinite(value):
                raise WireError(f"{key:.100} is not a finite number")
            result[key] = value
        return result

    def finite_list(self, items: list[object]) -> list[object]:
        self._count()
        if any(isinstance(item, float) and not math.isfinite(item) for item in items):
            raise WireError("a list holds a number that is not finite")
        return items

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise WireError(f"message of more than {MAX_PARTS} maps and lists")


def unpack(frames: Sequence[bytes], kind: type[T] | Any) -> T:
    """The message in `frames`, of type `kind` (a Struct or a union of them). Raises WireError."""
    if len(frames) != 2 or frames[0] != MAGIC:
        raise WireError("not a LOFI/1 message")
    body = frames[1]
    if len(body) > MAX_BYTES:
        raise WireError(f"message of {len(body)} bytes is over the limit of {MAX_BYTES}")
    checks = _Checks()
    try:
        raw = msgpack.unpackb(
            body,
            ext_hook=checks.no_ext,
            object_pairs_hook=checks.string_map,
            list_hook=checks.finite_list,
            timestamp=0,
            strict_map_key=True,
        )
        message: T = msgspec.convert(raw, kind)
    except WireError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise WireError(f"malformed message: {error}") from error
    return message


def unpack_worker(frames: Sequence[bytes]) -> messages.WorkerMessage:
    return unpack(frames, messages.WorkerMessage)


def unpack_broker(frames: Sequence[bytes]) -> messages.BrokerMessage:
    return unpack(frames, messages.BrokerMessage)


def unpack_request(frames: Sequence[bytes]) -> messages.Request:
    return unpack(frames, messages.Request)


def unpack_front(frames: Sequence[bytes]) -> messages.FrontMessage:
    return unpack(frames, messages.FrontMessage)
