"""What a value that was refused should have been, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import inspect

_PLACE = re.compile(r"^(.*) - at `\$\.?(.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(.*)`$", re.DOTALL)


def in_words(
    reason: str, kind: Any, patterns: Mapping[str, str] | None = None, *, noun: str = "field"
) -> str:
    """msgspec's refusal of a value of type `kind`, as "place: must be …".

    `patterns`: what to say for a regular expression. `noun`: what a field is called. A reason that there
    are no words for is given back as it is.
    """
    found = _PLACE.match(reason)
    what, place = (found[1], found[2]) if found else (reason, "")
    meant = _at(inspect.type_info(kind), place.split(".") if place else [])
    if (unknown := _UNKNOWN.match(what)) and isinstance(meant, inspect.StructType):
        close = did_you_mean(unknown[1], [field.encode_name for field in meant.fields])
        return f"there is no {noun} `{_joined(place, unknown[1])}`{close}"
    if missing := _MISSING.match(what):
        return f"`{_joined(place, missing[1])}` is missing"
    if isinstance(meant, inspect.StructType) and place:
        return f"{place}: must be a group of {noun}s"
    if isinstance(meant, inspect.StrType) and meant.pattern in (patterns or {}):
        expected = (patterns or {})[str(meant.pattern)]
    elif words := _words(meant):
        expected = f"must be {words}"
    else:
        return reason
    return f"{place}: {expected}" if place else expected


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a wrong name; empty where none is near."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=2)
    return f": did you mean {' or '.join(close)}?" if close else ""


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _at(kind: inspect.Type | None, names: list[str]) -> inspect.Type | None:
    """The type of what lies there; None where that is not known."""
    for name in names:
        if not isinstance(kind, inspect.StructType):
            return None
        kind = next((field.type for field in kind.fields if field.encode_name == name), None)
    return kind


def _words(kind: inspect.Type | None) -> str:
    """`kind` as "a whole number from 1 to 1000"; empty for one that there are no words for."""
    match kind:
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.UnionType(types=types):
            some = [_words(each) for each in types if not isinstance(each, inspect.NoneType)]
            return " or ".join(some) if all(some) else ""
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.EnumType(cls=choices):
            return f"one of {', '.join(str(each.value) for each in choices)}"
        case inspect.StrType(pattern=None, max_length=int(most)):
            return f"text of {kind.min_length or 0} to {most} characters"
        case inspect.StrType(pattern=None):
            return "text"
    return ""


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None:
        return (
            f" from {_plain(kind.ge)} to {_plain(kind.le)}"
            if kind.le is not None
            else f", {kind.ge:g} or more"
        )
    return f" above {kind.gt:g}" if kind.gt is not None else ""


def _plain(number: float) -> str:
    return str(int(number) if number == int(number) else number)
