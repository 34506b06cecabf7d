"""What all params and results of the protocol have in common."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

TrackId = Annotated[str, Meta(min_length=1, max_length=64, description="First 16 hex digits of a SHA-256.")]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all params: unknown fields are refused by name."""


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all results: fields at their default (null) are left out."""


class NoParams(Params, frozen=True, kw_only=True):
    pass


class Method(NamedTuple):
    params: type[Params]
    result: type[msgspec.Struct]
