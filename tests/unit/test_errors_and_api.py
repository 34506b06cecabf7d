"""Error table, params and schemas."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lofi_common import api
from lofi_common.errors import ALL_ERRORS, ErrorInfo, InternalError, InvalidParams, QueueFull, from_info
from lofi_common.logs import fields

PROTOCOL_DOC = Path(__file__).parents[2] / "docs/protocol.md"


def test_numbers_and_names_are_unique_and_each_says_what_to_do() -> None:
    assert (
        len({kind.code for kind in ALL_ERRORS}) == len({kind.name for kind in ALL_ERRORS}) == len(ALL_ERRORS)
    )
    assert all(kind.hint.endswith(".") for kind in ALL_ERRORS)


def test_an_error_survives_the_way_to_another_process() -> None:
    before = QueueFull("10 wait", details="d")
    after = from_info(before.info())
    assert type(after) is QueueFull and (str(after), after.details) == ("10 wait", "d")
    unknown = from_info(ErrorInfo(code=-1, name="NEW", message="m"))
    assert type(unknown) is InternalError and "NEW" in str(unknown)


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_the_protocol_document_has_the_error(kind: type) -> None:
    assert re.search(rf"\| −{-kind.code} \| {kind.name} \|", PROTOCOL_DOC.read_text())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*api.METHODS, *api.NOTIFICATIONS])
def test_the_protocol_document_has_the_method(name: str) -> None:
    assert f"`{name}`" in PROTOCOL_DOC.read_text()


def test_every_method_refuses_unknown_fields() -> None:
    for method in api.METHODS:
        with pytest.raises(InvalidParams):
            api.parse_params(method, {"prompt": "x", "track_id": "a", "no_such_field": 1})


def test_prompts_are_trimmed_and_defaults_filled_in() -> None:
    params = api.parse_params("generate", {"prompt": " x\n"})
    assert (params.prompt, params.duration_sec, params.seed) == ("x", 30, None)


def test_log_values_are_quoted_where_needed() -> None:
    assert fields("e", a=1, b="two words", c="", d="x=y") == "event=e a=1 b='two words' c='' d='x=y'"
