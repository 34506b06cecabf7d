"""What the broker and the player say to each other: a JSON object a line, orders down, reports up.

A track that is to be heard has a number of its own, so that what is said of another is never mistaken for it.
An order about a number that is not heard any more is answered, and nothing is done.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.errors import ErrorInfo

MOST_CROSSFADE_SEC = 12.0

Number = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
How = Literal["finished", "cut", "failed"]
"""A track ends. cut: by an order."""
Hold = tuple[Seconds, Seconds]
"""Start and end of a part of the track that is gone through again and again while nothing comes next."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class _Track(_Line, frozen=True, kw_only=True):
    order: Number
    number: Number
    path: str
    growing: bool = False
    """A WAV file (16 bit, a header of 44 bytes with the length that is expected) that is still written."""
    gain_db: float = 0.0
    repeat: bool = False
    """Again and again, without a gap, until an order says otherwise."""
    hold: Hold | None = None
    start_sec: Seconds = 0.0


# broker → player. Each order has a number of its own, and gets exactly one Answer.


class Play(_Track, frozen=True, kw_only=True, tag="play"):
    """Play this file now, in the place of what plays, of what is paused and of what was to come."""


class Next(_Track, frozen=True, kw_only=True, tag="next"):
    """Play this file when the one that plays has ended, without a gap; at once if it has ended already. It
    takes the place of another Next that has not begun."""

    joined: bool = False
    """It goes on, to the sample, with what the one before ends with: no crossfade."""


class ClearNext(_Line, frozen=True, kw_only=True, tag="clear_next"):
    """Nothing comes next, unless it has begun already."""

    order: Number


class Grown(_Line, frozen=True, kw_only=True, tag="grown"):
    """The file that was growing is whole."""

    order: Number
    number: Number
    samples: Annotated[int, Meta(ge=0)]
    """In each channel."""


class Regrow(_Line, frozen=True, kw_only=True, tag="regrow"):
    """The file that was growing grows no more; this one will have the same bytes and more."""

    order: Number
    number: Number
    path: str


class Pause(_Line, frozen=True, kw_only=True, tag="pause"):
    order: Number


class Resume(_Line, frozen=True, kw_only=True, tag="resume"):
    order: Number


class Stop(_Line, frozen=True, kw_only=True, tag="stop"):
    order: Number


class Seek(_Line, frozen=True, kw_only=True, tag="seek"):
    """Beyond what has grown it waits there; beyond the end the track is over."""

    order: Number
    number: Number
    position_sec: Seconds


class SetRepeat(_Line, frozen=True, kw_only=True, tag="set_repeat"):
    order: Number
    number: Number
    on: bool


class SetHold(_Line, frozen=True, kw_only=True, tag="set_hold"):
    order: Number
    number: Number
    hold: Hold | None = None


class SetVolume(_Line, frozen=True, kw_only=True, tag="set_volume"):
    order: Number
    volume: Annotated[float, Meta(ge=0, le=1)]


class SetCrossfade(_Line, frozen=True, kw_only=True, tag="set_crossfade"):
    """0, as at the start: none."""

    order: Number
    sec: Annotated[float, Meta(ge=0, le=MOST_CROSSFADE_SEC)]


class SetDevice(_Line, frozen=True, kw_only=True, tag="set_device"):
    """Where sound goes from now on. While a device is open and there is none of that name:
    AUDIO_DEVICE_ERROR, and nothing changes. Otherwise the name is kept; where it is not there when sound is
    wanted, the default device is taken."""

    order: Number
    name: str | None = None
    """None: the default device."""


Order = (
    Play
    | Next
    | ClearNext
    | Grown
    | Regrow
    | Pause
    | Resume
    | Stop
    | Seek
    | SetRepeat
    | SetHold
    | SetVolume
    | SetCrossfade
    | SetDevice
)


# player → broker


class Answer(_Line, frozen=True, kw_only=True, tag="answer", omit_defaults=True):
    """The order is done, or nothing of it, when there is an error. The position is that of what is heard."""

    order: Number
    position_sec: Seconds = 0.0
    error: ErrorInfo | None = None


class Started(_Line, frozen=True, kw_only=True, tag="started"):
    """It begins; while it grows the length is the expected one. The one before ends later in a crossfade."""

    number: Number
    duration_sec: Seconds


class Position(_Line, frozen=True, kw_only=True, tag="position"):
    """Once a second while it plays."""

    number: Number
    position_sec: Seconds
    ready_sec: Seconds
    """How much of the track, from its beginning, there is to be played already."""


class Waiting(_Line, frozen=True, kw_only=True, tag="waiting"):
    """Silence: the file has not grown enough."""

    number: Number


class GoesOn(_Line, frozen=True, kw_only=True, tag="goes_on"):
    """After a Waiting."""

    number: Number


class DeviceChanged(_Line, frozen=True, kw_only=True, tag="device_changed"):
    """Sound goes elsewhere now, without an order: the device that was used is gone, or the chosen one is not
    there when sound is wanted, or is there again."""

    name: str | None = None
    """None: the default one."""


class Ended(_Line, frozen=True, kw_only=True, tag="ended", omit_defaults=True):
    number: Number
    how: How
    message: str = ""


Report = Answer | Started | Position | Waiting | GoesOn | DeviceChanged | Ended

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
