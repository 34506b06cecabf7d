"""Prompt files: a prompt a line, CSV with a header, or JSON lines. No settings, files or broker in here."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from lofi_common.refusals import in_words

Form = Literal["txt", "csv", "jsonl"]
FORMS: tuple[Form, ...] = ("txt", "csv", "jsonl")


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a row says itself; None where it leaves that to the command."""

    prompt: str
    duration: int | None = None
    seed: int | None = None
    model: str | None = None
    file: str | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    guidance: float | None = None


COLUMNS = Asked.__struct_fields__


class Entry(NamedTuple):
    """A row and the line, from 1, on which it begins."""

    line: int
    asked: Asked


class Wrong(NamedTuple):
    """A row that can't be made, and why."""

    line: int
    reason: str
    limit_sec: int = 0
    """The limit of a track's length that it needs; 0: none would do."""


def form_of(name: str, text: str) -> Form:
    """The form that a file's name tells; where it does not, the one that the text has."""
    for form in FORMS:
        if name.lower().endswith(f".{form}"):
            return form
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    if first.startswith("{"):
        return "jsonl"
    header = [cell.strip() for cell in first.split(",")]
    return "csv" if "prompt" in header and set(header) <= set(COLUMNS) else "txt"


def read_prompts(text: str, form: Form) -> Iterator[Entry | Wrong]:
    """The rows of a prompt file, in their order, and those that are wrong."""
    return {"txt": _lines, "csv": _table, "jsonl": _objects}[form](text)


def _lines(text: str) -> Iterator[Entry | Wrong]:
    # Not splitlines: a prompt may hold other ends of lines than these, and so may JSON.
    for number, line in enumerate(text.split("\n"), 1):
        prompt = line.strip()
        if prompt and not prompt.startswith("#"):
            yield Entry(number, Asked(prompt=prompt))


def _objects(text: str) -> Iterator[Entry | Wrong]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield Entry(number, msgspec.json.decode(line, type=Asked))
        except (msgspec.DecodeError, RecursionError) as error:
            yield Wrong(number, in_words(str(error), Asked, noun="column"))


def _table(text: str) -> Iterator[Entry | Wrong]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    ended = 0
    while True:
        begun, ended = ended + 1, ended
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:  # where the next row begins is anybody's guess
            yield Wrong(begun, f"no CSV: {error}")
            return
        ended = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            reason = _wrong_header(header)
            if reason:
                yield Wrong(begun, reason)
                return
        else:
            yield _row(begun, header, cells)


def _wrong_header(header: list[str]) -> str:
    unknown = [name for name in header if name not in COLUMNS]
    if "prompt" not in header:
        return f"the header has no column `prompt`; columns: {', '.join(COLUMNS)}"
    if unknown:
        return f"the header has an unknown column `{unknown[0]}`; columns: {', '.join(COLUMNS)}"
    twice = [name for name in header if header.count(name) > 1]
    return f"the header has the column `{twice[0]}` twice" if twice else ""


def _row(line: int, header: list[str], cells: list[str]) -> Entry | Wrong:
    if len(cells) > len(header):
        return Wrong(line, f"{len(cells)} cells, but the header has {len(header)} columns")
    pairs = itertools.zip_longest(header, (cell.strip() for cell in cells), fillvalue="")
    given = {name: cell for name, cell in pairs if cell or name == "prompt"}
    try:
        return Entry(line, msgspec.convert(given, Asked, strict=False))
    except msgspec.ValidationError as error:
        return Wrong(line, in_words(str(error), Asked, noun="column"))
