"""Tracks that engines of other machines put into the place, and how they get the names of their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from lofi_batch.engine import Made
from lofi_batch.errors import SourceLost, TargetFailed
from lofi_batch.folder import Folder
from lofi_batch.place import Place, made_folder
from lofi_batch.plan import WHOLE, Defaults, Shard, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.takeover import TakeOver
from lofi_common.jobs import AudioFormat

ROWS, _ = make_plan([Entry(line, Asked(prompt=f"rain {line}")) for line in (1, 2, 3)], Defaults())
SOUND = hashlib.sha256(b"sound").hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield Folder(tmp_path / "place")


def bring(place: Place, tmp_path: Path, track_id: str, data: bytes = b"sound") -> str:
    """As an actor does it."""
    source = tmp_path / "source"
    source.write_bytes(data)
    name = place.made(track_id, AudioFormat.WAV)
    place.put(source, name)
    return name


def made(row: int, file: str, *, size: int = 5, last: bool = True, path: str | None = None) -> Made:
    wanted = ROWS[row - 1] if path is None else msgspec.structs.replace(ROWS[row - 1], path=path)
    return Made(wanted, "0" * 16, "m-1", file, SOUND, 1.0, 1, bytes=size, last=last)


def files(tmp_path: Path) -> list[str]:
    root = tmp_path / "place"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_made_track_gets_its_name_after_it_is_known(place: Place, tmp_path: Path) -> None:
    name = bring(place, tmp_path, "a")
    assert files(tmp_path) == [name] == [".made/a.wav"]
    assert place.read(name) == (SOUND, 5)
    known: list[tuple[list[str], Mapping[int, int]]] = []
    errors = TakeOver(place).take(
        [made(1, name, path="x/y.wav")], lambda it: known.append((files(tmp_path), it))
    )
    assert errors == {} and known == [([name], {1: 5})]
    assert files(tmp_path) == ["x/y.wav"] and place.read(name) is None


def test_one_track_of_several_rows_is_copied_but_for_the_last(place: Place, tmp_path: Path) -> None:
    name = bring(place, tmp_path, "a")
    group = [made(1, name, last=False), made(2, name, last=False), made(3, name)]
    assert TakeOver(place).take(group, print) == {}
    assert files(tmp_path) == sorted(row.path for row in ROWS)


def test_of_a_group_all_are_taken_but_those_that_can_t(place: Place, tmp_path: Path) -> None:
    names = [bring(place, tmp_path, track_id) for track_id in "ab"]
    (tmp_path / "place" / ROWS[1].path).mkdir()
    group = [made(1, names[0]), made(2, names[1]), made(3, place.made("c", AudioFormat.WAV))]
    errors = TakeOver(place).take(group, print)
    assert {row: type(error) for row, error in errors.items()} == {2: TargetFailed, 3: SourceLost}
    assert files(tmp_path) == sorted([ROWS[0].path, names[1]])
    (lost,) = TakeOver(place).take([made(1, names[1], size=6)], print).values()
    assert isinstance(lost, SourceLost) and "5 bytes" in str(lost)
    place.tidy()
    assert files(tmp_path) == [ROWS[0].path]
    place.tidy()


def test_shards_of_one_place_have_made_folders_of_their_own() -> None:
    assert [made_folder(shard) for shard in (WHOLE, Shard(2, 4))] == [".made", ".made.2-of-4"]
