"""Functions of a client that are made from a description of a call show its signature and its words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def presented(
    function: Callable[P, T], call: Callable[..., object], words: Callable[..., object]
) -> Callable[P, T]:
    """`function`, shown with the parameters of `call`, and with the name and the text of `words`."""
    functools.update_wrapper(function, words)
    function.__name__ = words.__name__.removeprefix("_")
    parameters = [_SELF, *inspect.signature(call).parameters.values()]
    result = str(inspect.signature(words).return_annotation)
    if result.startswith("Call["):
        result = result[len("Call[") : -1]
    vars(function)["__signature__"] = inspect.Signature(parameters, return_annotation=result)
    return function
