"""The broker's log as `lofi logs` reads it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from lofi_cli.log_files import LogTail, Wanted, line_fields, show_line
from lofi_common import logs
from lofi_common.logs import fields, logging_to


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "broker.log"


@pytest.fixture
def tail(file: Path) -> Iterator[LogTail]:
    with closing(LogTail(file)) as opened:
        yield opened


def rotate(file: Path) -> None:
    """As RotatingFileHandler does it."""
    for age in (2, 1):
        if (older := Path(f"{file}.{age}")).exists():
            older.replace(f"{file}.{age + 1}")
    if file.exists():
        file.replace(f"{file}.1")


def append(file: Path, *lines: str) -> None:
    with file.open("a") as opened:
        opened.write("".join(f"{line}\n" for line in lines))


def test_lines_come_from_the_oldest_file_on_each_once(file: Path, tail: LogTail) -> None:
    for number in range(4):
        append(file, f"line {number}")
        if number < 3:
            rotate(file)
    assert list(tail.read()) == [f"line {number}" for number in range(4)]
    assert list(tail.read()) == []
    append(file, "line 4")
    assert list(tail.read()) == ["line 4"]


def test_a_rotation_loses_and_repeats_nothing(file: Path, tail: LogTail) -> None:
    append(file, "one")
    assert list(tail.read()) == ["one"]
    append(file, "two")
    rotate(file)
    assert list(tail.read()) == ["two"]  # there is no new file yet
    append(file, "three")
    rotate(file)
    append(file, "four")
    rotate(file)
    append(file, "five")
    assert list(tail.read()) == ["three", "four", "five"]


def test_what_is_written_just_before_a_rotation_comes(
    file: Path, tail: LogTail, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(file, "one")
    assert list(tail.read()) == ["one"]
    look = tail._newer

    def rotated_first() -> BinaryIO | None:
        monkeypatch.setattr(tail, "_newer", look)
        append(file, "two")
        rotate(file)
        append(file, "three")
        return look()

    monkeypatch.setattr(tail, "_newer", rotated_first)
    assert list(tail.read()) == ["two", "three"]


def test_a_log_that_comes_later_is_found(file: Path, tail: LogTail) -> None:
    assert list(tail.read()) == [] and not tail.found
    append(file, "first")
    assert list(tail.read()) == ["first"] and tail.found


def test_a_line_is_told_when_it_is_whole(file: Path, tail: LogTail) -> None:
    file.write_bytes(b"half of a li")
    assert list(tail.read()) == []
    append(file, "ne, ♪")
    assert list(tail.read()) == ["half of a line, ♪"]


def test_a_log_that_was_emptied_starts_anew(file: Path, tail: LogTail) -> None:
    append(file, "a long line before")
    assert list(tail.read()) == ["a long line before"]
    os.truncate(file, 0)
    append(file, "new")
    assert list(tail.read()) == ["new"]


def test_the_real_handler_s_rotation(file: Path, tail: LogTail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 300)
    seen: list[str] = []
    with logging_to("info", file, stderr=False):
        for number in range(50):
            logging.getLogger("test").info(fields("tick", number=number))
            if number % 3 == 0:
                seen += tail.read()
    seen += tail.read()
    assert [line_fields(line)["number"] for line in seen] == [str(number) for number in range(50)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"worker": "w0", "sec": 0.5}, {"worker": "w0", "sec": "0.5"}),
        ({"reason": "it's gone"}, {"reason": "it's gone"}),
        ({"reason": 'it\'s "gone"', "n": 1}, {"reason": 'it\'s "gone"', "n": "1"}),
        ({"prompt": "a=b\n\tc\\d é ♪"}, {"prompt": "a=b\n\tc\\d é ♪"}),
        ({"empty": ""}, {"empty": ""}),
    ],
)
def test_fields_come_back_as_they_were_written(values: dict[str, object], told: dict[str, str]) -> None:
    assert line_fields(fields("x", **values)) == {"event": "x", **told}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("time=T level=info plain words", {"time": "T", "level": "info", "message": "plain words"}),
        ("no field", {"message": "no field"}),
        (r"key='\x'", {"key": r"'\x'"}),
        ("", {}),
    ],
)
def test_other_lines_are_told_too(line: str, told: dict[str, str]) -> None:
    assert line_fields(line) == told


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    assert (
        show_line("time=T level=info event=\x1b]0;pwned\x07", as_json=False)
        == "time=T level=info event= ]0;pwned "
    )


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), [0, 1, 2]),
        (Wanted(track="abc"), [0]),
        (Wanted(worker="w1"), [0, 1]),
        (Wanted(track="abc", worker="w0"), []),
        (Wanted(track="bc"), []),
    ],
)
def test_filters(wanted: Wanted, taken: list[int]) -> None:
    lines = ["event=x track_id=abcd worker=w1", "event=y worker=w1 sec=2", "event=z worker=w10"]
    assert [number for number, line in enumerate(lines) if wanted.takes(line)] == taken
