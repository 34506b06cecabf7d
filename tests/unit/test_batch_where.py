"""Which places a batch's tracks may have: what is refused before anything is started."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from lofi_batch import command
from lofi_batch.engine import Means
from lofi_batch.errors import FolderFailed
from lofi_batch.manifest import Ledger, Record, RowError
from lofi_batch.place import Place
from lofi_batch.places import open_place
from lofi_batch.plan import WHOLE, Defaults, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.run_file import begun, write_run
from lofi_batch.takeover import TakeOver
from lofi_common.errors import InvalidParams

ROWS, _ = make_plan([Entry(line, Asked(prompt=f"rain {line}")) for line in (1, 2, 3)], Defaults())


def never(*_: object) -> NoReturn:
    raise AssertionError("an engine is started")


def means_of(place: Place, *, elsewhere: bool = True) -> Means:
    return Means(name="test", place=place, taking=TakeOver(place), start=never, elsewhere=elsewhere)


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
        command.show_plan(tmp_path / "out", WHOLE, ROWS, means_of(place), as_json=False)


def test_a_folder_that_can_t_be_made_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with pytest.raises(FolderFailed, match="the folder /proc/x/y can't be made: No such file"):
        make(tmp_path / "out", open_place("/proc/x/y"))


class Begins(Exception):
    """The checks are behind it."""


@pytest.fixture
def begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(*_: object, **__: object) -> NoReturn:
        raise Begins

    monkeypatch.setattr(command, "Progress", begin)


def ran(folder: Path, place: Place, *, elsewhere: bool = True, error: RowError | None = None) -> None:
    """A run has ended whose first row became a track there, or failed."""
    folder.mkdir()
    ledger = Ledger(folder, WHOLE.manifest)
    if error is None:
        (folder / "sound").write_bytes(b"sound")
        place.put(folder / "sound", ROWS[0].path)
    digest = hashlib.sha256(b"sound").hexdigest()
    ledger.add([Record.of(ROWS[0], attempts=1, sha256=digest, bytes=5, error=error)])
    run = begun(engine="ray", place=place.shown, elsewhere=elsewhere, rows=3, there=0, journal=0)
    write_run(folder, WHOLE, run)


def test_tracks_that_lie_in_another_place_are_not_made_again_without_a_word(
    tmp_path: Path, begins: None
) -> None:
    out, first, second = tmp_path / "out", tmp_path / "first", tmp_path / "second"
    first.mkdir()
    ran(out, open_place(str(first)))
    words = f"this batch's tracks lie in {first}, and none in {second}"
    with pytest.raises(InvalidParams, match=words) as told:
        make(out, open_place(str(second)))
    assert "--tracks" in told.value.recovery and "--force" in told.value.recovery
    assert not second.exists()
    with pytest.raises(InvalidParams, match=words):
        command.show_plan(out, WHOLE, ROWS, means_of(open_place(str(second))), as_json=False)
    with pytest.raises(InvalidParams, match=f"lie in {first}, and none in {out}"):
        command.show_plan(out, WHOLE, ROWS, means_of(open_place(str(out)), elsewhere=False), as_json=False)
    with pytest.raises(Begins):
        make(out, open_place(str(first)))
    with pytest.raises(Begins):
        command.make(
            out, WHOLE, ROWS, means_of(open_place(str(second))), force=True, as_json=False, quiet=True
        )
    first.rename(second)  # whose tracks it has now
    with pytest.raises(Begins):
        make(out, open_place(str(second)))


def test_tracks_of_the_folder_itself_move_with_it(tmp_path: Path, begins: None) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    ran(out, open_place(str(out)), elsewhere=False)
    out.rename(moved)
    with pytest.raises(InvalidParams, match=f"this batch's tracks lie in {moved}"):
        make(moved, open_place(str(tmp_path / "other")))
    (moved / ROWS[0].path).unlink()
    means = means_of(open_place(str(moved)), elsewhere=False)
    with pytest.raises(Begins):
        command.make(moved, WHOLE, ROWS, means, force=False, as_json=False, quiet=True)


def test_a_batch_of_which_nothing_was_made_may_go_anywhere(tmp_path: Path, begins: None) -> None:
    ran(tmp_path / "out", open_place(str(tmp_path)), error=RowError(code="INTERNAL_ERROR", message="no"))
    with pytest.raises(Begins):
        make(tmp_path / "out", open_place(str(tmp_path / "other")))
