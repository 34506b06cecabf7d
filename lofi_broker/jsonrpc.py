"""JSON-RPC 2.0 as text: bytes to calls, results to bytes. Knows nothing of streams or what methods mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lofi_common.errors import ErrorInfo, InvalidParams, InvalidRequest, LofiError, ParseError

MAX_LINE_BYTES = 1 << 20
MAX_BATCH = 50


@dataclass
class LineSplitter:
    """Cuts a byte stream into lines of at most MAX_LINE_BYTES; an over-long one is skipped to its end."""

    _rest: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that are complete now; None stands for one that was too long."""
        lines: list[bytes | None] = []
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._take(part)
            lines.append(None if self._skipping else bytes(self._rest))
            self._skipping = False
            self._rest.clear()
        self._take(rest)
        return lines

    def _take(self, part: bytes) -> None:
        if self._skipping or len(self._rest) + len(part) > MAX_LINE_BYTES:
            self._skipping = True
            self._rest.clear()
        else:
            self._rest += part


@dataclass(frozen=True)
class Call:
    """A request, or a notification, which is never answered."""

    method: str
    params: dict[str, object]
    id: Any = None
    notification: bool = False


@dataclass(frozen=True)
class Bad:
    """What is no request; answered with this error."""

    error: ErrorInfo
    id: Any = None


def parse(line: bytes) -> tuple[Sequence[Call | Bad], bool]:
    """(requests of one line, whether they were a batch)."""
    try:
        raw = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [_bad(ParseError("the line is not valid JSON", details=str(error)))], False
    if not isinstance(raw, list):
        return [_parse_one(raw)], False
    if not raw:
        return [_bad(InvalidRequest("a batch must not be empty"))], False
    if len(raw) > MAX_BATCH:
        too_many = InvalidRequest(f"a batch of {len(raw)} requests is over the limit of {MAX_BATCH}")
        return [_bad(too_many)], False
    return [_parse_one(item) for item in raw], True


def too_long() -> Bad:
    return _bad(ParseError(f"a line is over the limit of {MAX_LINE_BYTES} bytes and was skipped"))


def _bad(error: LofiError, request_id: Any = None) -> Bad:
    return Bad(error.info(), request_id)


def _parse_one(raw: object) -> Call | Bad:
    if not isinstance(raw, dict):
        return _bad(InvalidRequest("a request must be an object"))
    request_id = raw.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | float | None):
        return _bad(InvalidRequest("id must be a string or a number"))
    if raw.get("jsonrpc") != "2.0":
        return _bad(InvalidRequest('jsonrpc must be "2.0"'), request_id)
    method = raw.get("method")
    if not isinstance(method, str):
        return _bad(InvalidRequest("method must be a string"), request_id)
    params = raw.get("params", {})
    if not isinstance(params, dict):
        return _bad(InvalidParams("params must be an object"), request_id)
    return Call(method, params, request_id, notification="id" not in raw)


def result(request_id: Any, value: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": request_id, "result": value}


def error(request_id: Any, info: ErrorInfo) -> dict[str, object]:
    data = {"error_code": info.name, "details": info.details, "recovery": info.recovery}
    return {
        "jsonrpc": "2.0",
        "id": request_id,
        "error": {"code": info.code, "message": info.message, "data": data},
    }


def notification(method: str, params: dict[str, object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def encode(message: object) -> bytes:
    """One line, newline included."""
    return msgspec.json.encode(message) + b"\n"
