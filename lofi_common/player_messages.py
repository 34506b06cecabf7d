"""What the broker and the player say to each other: a JSON object a line, orders down, reports up.

A track that is to be heard has a number of its own, so that what is said of another is never mistaken for it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.errors import ErrorInfo

Number = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
How = Literal["finished", "cut", "failed"]
"""A track ends. cut: by an order."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# broker → player. Each order has a number of its own, and gets exactly one Answer.


class Play(_Line, frozen=True, kw_only=True, tag="play"):
    """Play this file now, in the place of what plays, of what is paused and of what was to come."""

    order: Number
    number: Number
    path: str


class Next(_Line, frozen=True, kw_only=True, tag="next"):
    """Play this file when the one that plays has ended, without a gap; at once if it has ended already."""

    order: Number
    number: Number
    path: str


class Pause(_Line, frozen=True, kw_only=True, tag="pause"):
    order: Number


class Resume(_Line, frozen=True, kw_only=True, tag="resume"):
    order: Number


class Stop(_Line, frozen=True, kw_only=True, tag="stop"):
    order: Number


class SetVolume(_Line, frozen=True, kw_only=True, tag="set_volume"):
    order: Number
    volume: Annotated[float, Meta(ge=0, le=1)]


Order = Play | Next | Pause | Resume | Stop | SetVolume


# player → broker


class Answer(_Line, frozen=True, kw_only=True, tag="answer", omit_defaults=True):
    """The order is done, or nothing of it, when there is an error. The position is that of what is heard."""

    order: Number
    position_sec: Seconds = 0.0
    error: ErrorInfo | None = None


class Started(_Line, frozen=True, kw_only=True, tag="started"):
    number: Number
    duration_sec: Seconds


class Position(_Line, frozen=True, kw_only=True, tag="position"):
    """Once a second while it plays."""

    number: Number
    position_sec: Seconds


class Ended(_Line, frozen=True, kw_only=True, tag="ended", omit_defaults=True):
    number: Number
    how: How
    message: str = ""


Report = Answer | Started | Position | Ended

_orders = msgspec.json.Decoder(Order)
_reports = msgspec.json.Decoder(Report)


def encode_line(message: Order | Report) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> Order:
    """Raises msgspec.DecodeError, ValueError."""
    order: Order = _orders.decode(line)
    return order


def decode_report(line: bytes) -> Report:
    """Raises msgspec.DecodeError, ValueError."""
    report: Report = _reports.decode(line)
    return report
