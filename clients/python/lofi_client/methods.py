"""Functions of a client that are made from a description of a call show its signature and its words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def presented(
    function: Callable[P, T], call: Callable[..., object], words: Callable[..., object]
) -> Callable[P, T]:
    """`function`, shown with the parameters of `call`, and with the name and the text of `words`."""
    functools.update_wrapper(function, words)
    function.__name__ = _name(words)
    parameters = [_SELF, *inspect.signature(call).parameters.values()]
    result = str(inspect.signature(words).return_annotation)
    if result.startswith("Call["):
        result = result[len("Call[") : -1]
    vars(function)["__signature__"] = inspect.Signature(parameters, return_annotation=result)
    return function


def renamed(function: Callable[P, T], words: Callable[..., object]) -> Callable[P, T]:
    """The same function; what it is called by `words` is what Python's own errors call it."""
    assert isinstance(function, FunctionType)
    twin = FunctionType(function.__code__, function.__globals__, _name(words), function.__defaults__)
    twin.__kwdefaults__ = function.__kwdefaults__
    twin.__qualname__ = twin.__name__
    return twin


def _name(words: Callable[..., object]) -> str:
    return words.__name__.removeprefix("_")
