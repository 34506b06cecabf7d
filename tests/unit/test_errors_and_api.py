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


@pytest.mark.parametrize("params", [{"seed": 1 << 64}, {"seed": -1}])
def test_the_radio_refuses_a_seed_that_no_track_could_have(params: dict[str, int]) -> None:
    assert api.parse_params("radio_start", {"seed": (1 << 64) - 1}).seed == (1 << 64) - 1
    with pytest.raises(InvalidParams, match=r"^seed: must be a whole number from 0 to 2\^64 - 1"):
        api.parse_params("radio_start", params)


def test_every_method_refuses_unknown_fields() -> None:
    for method in api.METHODS:
        with pytest.raises(InvalidParams):
            api.parse_params(method, {"prompt": "x", "track_id": "a", "no_such_field": 1})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("seed", -1, "seed: must be a whole number from 0 to 2^64 - 1"),
        ("seed", 2**64, "seed: must be a whole number from 0 to 2^64 - 1"),
        ("temperature", 99.0, "temperature: must be a number from 0 to 10"),
        ("top_k", "many", "top_k: must be a whole number from 0 to 65536"),
        ("format", "aiff", "format: must be one of wav, flac, ogg, mp3"),
        ("priority", "urgent", "priority: must be one of normal, high"),
        ("model", 1, "model: must be text"),
        ("force", "yes", "force: must be true or false"),
        ("temprature", 1, "there is no field `temprature`: did you mean temperature?"),
        ("xyzzy", 1, "there is no field `xyzzy`"),
    ],
)
def test_a_refused_value_is_answered_with_what_it_should_be(field: str, value: object, words: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        api.parse_params("generate", {"prompt": "x", field: value})
    assert str(refused.value) == words


def test_a_loop_has_two_minutes_at_most() -> None:
    """Whatever the settings say: its audio is kept in memory until it is whole."""
    longest = {"prompt": "x", "loop": True, "duration_sec": 120}
    assert isinstance(api.parse_params("generate", longest), api.GenerateParams)
    with pytest.raises(InvalidParams) as refused:
        api.parse_params("generate", {**longest, "duration_sec": 121})
    assert str(refused.value) == "loop: a loop has at most 120 s, not 121 s"
    assert "`loop`" in refused.value.info().recovery
    api.parse_params("generate", {"prompt": "x", "duration_sec": 121})


def test_what_is_missing_and_what_is_too_long() -> None:
    with pytest.raises(InvalidParams, match="`prompt` is missing"):
        api.parse_params("generate", {})
    with pytest.raises(InvalidParams, match="track_id: must be text of 1 to 64 characters"):
        api.parse_params("track_get", {"track_id": ""})
    with pytest.raises(InvalidParams, match="Expected `object`"):
        api.parse_params("generate", [])


def test_prompts_are_trimmed_and_defaults_filled_in() -> None:
    params = api.parse_params("generate", {"prompt": " x\n"})
    assert (params.prompt, params.duration_sec, params.seed) == ("x", 30, None)


def test_log_values_are_quoted_where_needed() -> None:
    assert fields("e", a=1, b="two words", c="", d="x=y") == "event=e a=1 b='two words' c='' d='x=y'"
