"""Which places a batch's tracks may have: what is refused before anything is started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import pytest

from lofi_batch import command
from lofi_batch.engine import Means
from lofi_batch.errors import FolderFailed
from lofi_batch.place import Place
from lofi_batch.places import open_place
from lofi_batch.plan import WHOLE, Defaults, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.takeover import TakeOver
from lofi_common.errors import InvalidParams

ROWS, _ = make_plan([Entry(line, Asked(prompt=f"rain {line}")) for line in (1, 2, 3)], Defaults())


def never(*_: object) -> NoReturn:
    raise AssertionError("an engine is started")


def means_of(place: Place) -> Means:
    return Means(name="test", place=place, taking=TakeOver(place), start=never, elsewhere=True)


def make(folder: Path, place: Place) -> int:
    return command.make(folder, WHOLE, ROWS, means_of(place), force=False, as_json=False, quiet=True)


def test_where_nothing_can_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(InvalidParams, match=r"^tracks can't be written to http://\n"):
        open_place("http://there/x")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InvalidParams, match=r"^s3://x needs the package s3fs\n") as told:
        open_place("s3://me:secret@x")
    assert told.value.recovery == "`pip install s3fs`, here and on every node."


@pytest.mark.parametrize("name", ["file", "file/in"])
def test_a_file_is_no_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    place = open_place(str(tmp_path / name))
    words = f"{name} can't be a folder: a file is in its place"
    with pytest.raises(InvalidParams, match=words):
        make(tmp_path / "out", place)
    with pytest.raises(InvalidParams, match=words):
        command.show_plan(tmp_path / "out", WHOLE, ROWS, place, as_json=False)


def test_a_folder_that_can_t_be_made_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(FolderFailed, match="the folder /proc/x/y can't be made: No such file"):
        make(tmp_path / "out", open_place("/proc/x/y"))
