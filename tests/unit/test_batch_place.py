"""Tracks that engines of other machines put into the place, and how they get the names of their rows."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

from lofi_batch import batch, command
from lofi_batch.engine import Made, Means, Outcome
from lofi_batch.errors import FolderFailed, SourceLost, TargetFailed
from lofi_batch.manifest import Ledger, Record, RowError
from lofi_batch.place import Place, made_folder
from lofi_batch.places import open_place
from lofi_batch.plan import WHOLE, Defaults, Row, Shard, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.survey import survey
from lofi_batch.takeover import TakeOver
from lofi_common.errors import InvalidParams
from lofi_common.jobs import AudioFormat
from tests.support.ftp import ftp_server

ROWS, _ = make_plan([Entry(line, Asked(prompt=f"rain {line}")) for line in (1, 2, 3)], Defaults())
SOUND = hashlib.sha256(b"sound").hexdigest()


class World:
    """A place, and what lies in it."""

    def __init__(self, where: str, files: Callable[[], list[str]]) -> None:
        self.where, self.files = where, files
        self.place = open_place(where)


def in_folder(root: Path) -> Callable[[], list[str]]:
    return lambda: sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def in_memory(root: str) -> list[str]:
    fsspec = pytest.importorskip("fsspec")
    found = fsspec.filesystem("memory").find(f"/{root}")
    return sorted(path.removeprefix(f"/{root}/") for path in found)


@pytest.fixture(params=["folder", "memory", "ftp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    root = tmp_path / "place"
    root.mkdir()
    if request.param == "folder":
        yield World(str(root), in_folder(root))
    elif request.param == "memory":
        pytest.importorskip("fsspec")
        name = f"{tmp_path.name}/place"
        yield World(f"memory://{name}", lambda: in_memory(name))
    else:
        pytest.importorskip("fsspec")
        pytest.importorskip("pyftpdlib.log")
        with ftp_server(tmp_path) as url:
            yield World(f"{url}/place", in_folder(root))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of places by URL, whose tries follow each other at once."""
    url_place = pytest.importorskip("lofi_batch.url_place")
    monkeypatch.setattr(url_place, "_PAUSE_SEC", 0)
    return url_place


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


def record(row: int, *, size: int = 5) -> Record:
    return Record.of(ROWS[row - 1], attempts=1, sha256=SOUND, bytes=size)


def test_a_made_track_gets_its_name_after_it_is_known(world: World, tmp_path: Path) -> None:
    name = bring(world.place, tmp_path, "a")
    assert world.files() == [name] == [".made/a.wav"] == list(world.place.made_there())
    assert world.place.read(name) == (SOUND, 5)
    known: list[tuple[list[str], Mapping[int, int]]] = []
    errors = TakeOver(world.place).take(
        [made(1, name, path="x/y.wav")], lambda sizes: known.append((world.files(), sizes))
    )
    assert errors == {} and known == [([name], {1: 5})]
    assert world.files() == ["x/y.wav"] and world.place.read(name) is None
    assert world.place.made_there() == set()


def test_one_track_of_several_rows_is_copied_but_for_the_last(world: World, tmp_path: Path) -> None:
    name = bring(world.place, tmp_path, "a")
    group = [made(1, name, last=False), made(2, name, last=False), made(3, name)]
    assert TakeOver(world.place).take(group, print) == {}
    assert world.files() == sorted(row.path for row in ROWS)
    assert world.place.read(ROWS[0].path) == (SOUND, 5)


def test_a_name_that_is_taken_is_replaced(world: World, tmp_path: Path) -> None:
    for data in (b"other", b"sound"):
        name = bring(world.place, tmp_path, "a", data)
        assert TakeOver(world.place).take([made(1, name)], print) == {}
    assert world.place.read(ROWS[0].path) == (SOUND, 5)
    bring(world.place, tmp_path, "a", b"other")
    assert world.place.read(bring(world.place, tmp_path, "a")) == (SOUND, 5)


def test_of_a_group_all_are_taken_but_those_that_can_t(world: World, tmp_path: Path, no_pauses: Any) -> None:
    names = [bring(world.place, tmp_path, track_id) for track_id in "ab"]
    group = [made(1, names[0]), made(3, world.place.made("c", AudioFormat.WAV))]
    errors = TakeOver(world.place).take(group, print)
    assert {row: type(error) for row, error in errors.items()} == {3: SourceLost}
    assert world.files() == sorted([ROWS[0].path, names[1]])
    world.place.tidy()
    assert world.files() == [ROWS[0].path] and world.place.made_there() == set()
    world.place.tidy()


def test_what_lies_in_a_place(world: World, tmp_path: Path) -> None:
    assert not world.place.look().is_there(record(1))
    rows = [
        made(1, bring(world.place, tmp_path, "a")),
        made(2, bring(world.place, tmp_path, "b"), path="x/y.wav"),
    ]
    assert TakeOver(world.place).take(rows, print) == {}
    bring(world.place, tmp_path, "c")
    look = world.place.look()
    assert look.is_there(record(1)) and world.place.is_there(record(1))
    for there in (record(1, size=6), record(2)):
        assert not look.is_there(there) and not world.place.is_there(there)
    stands = [
        look.stands_at(path) for path in (ROWS[0].path, ROWS[1].path, "x/y.wav", "x", "x/y.wav/z", "x/z")
    ]
    assert stands == ["file", "nothing", "file", "other", "other", "nothing"]
    world.place.delete([ROWS[0].path, ROWS[0].path])
    assert not world.place.look().is_there(record(1)) and not world.place.is_there(record(1))


def test_a_folder_in_a_row_s_place_fails_that_row(tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    (tmp_path / ROWS[0].path).mkdir()
    name = bring(place, tmp_path, "a")
    (error,) = TakeOver(place).take([made(1, name)], print).values()
    assert isinstance(error, TargetFailed)
    (error,) = TakeOver(place).take([made(2, name, size=6)], print).values()
    assert isinstance(error, SourceLost) and "5 bytes" in str(error)


def test_a_server_that_loses_its_connections_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_pauses: Any
) -> None:
    """The rename is done, and nobody hears of it."""
    place = open_place(f"memory://{tmp_path.name}/lossy")
    name = bring(place, tmp_path, "a")
    real, lost = no_pauses._move, [ConnectionResetError("lost"), EOFError("lost")]

    def lossy(fs: Any, source: str, target: str) -> None:
        real(fs, source, target)
        if lost:
            raise lost.pop()

    monkeypatch.setattr(no_pauses, "_move", lossy)
    assert TakeOver(place).take([made(1, name)], print) == {}
    assert place.is_there(record(1)) and len(lost) == 1


def test_half_a_track_is_not_taken_for_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_pauses: Any
) -> None:
    """A connection ended early, and the server saw nothing wrong in that."""
    memory = pytest.importorskip("fsspec.implementations.memory")
    real, sent = memory.MemoryFileSystem.put_file, list[str]()

    def half(fs: Any, source: str, target: str, **more: Any) -> None:
        real(fs, source, target, **more)
        sent.append(target)
        if len(sent) < 3:
            fs.pipe_file(target, b"so")

    monkeypatch.setattr(memory.MemoryFileSystem, "put_file", half)
    place = open_place(f"memory://{tmp_path.name}/place")
    content = place.read(bring(place, tmp_path, "a"))
    assert content is not None and content.bytes == 5 and len(sent) == 3


def test_a_place_that_can_t_be_used_is_told_without_its_password(no_pauses: Any) -> None:
    with pytest.raises(FolderFailed, match=r"ftp://127.0.0.1:1/x: ConnectionRefusedError"):
        open_place("ftp://me:secret@127.0.0.1:1/x")
    with pytest.raises(FolderFailed, match=r"^ftp://127.0.0.1:1/x\?…: [^@]*$"):
        open_place("ftp://me:sec@ret@127.0.0.1:1/x?key=secret")
    with pytest.raises(InvalidParams, match=r"^nonsense://x: [^@]*$"):
        open_place("nonsense://me:secret@x")
    with pytest.raises(InvalidParams, match="another machine"):
        open_place("file://there/x")
    assert open_place("file:///a%20b").shown == "/a b"


class Tracks:
    """An engine that has made these tracks, and whose user wants no other tries."""

    def __init__(self, *groups: list[Made]) -> None:
        self._groups = groups
        self.taken_rows: list[int] = []

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        yield from (list[Outcome](group) for group in self._groups)

    def again(self, made: Made, error: RowError) -> None:
        raise AssertionError(error)

    def taken(self, made: Made) -> None:
        self.taken_rows.append(made.row.row)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def test_the_journal_is_written_and_synced_once_for_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_place(str(tmp_path / "place"))
    group = [made(row, bring(place, tmp_path, str(row))) for row in (1, 2, 3)]
    syncs: list[str] = []
    real = os.fsync

    def counted(descriptor: int) -> None:
        syncs.append(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix(f"{tmp_path}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    ledger = Ledger(tmp_path, "manifest.jsonl")
    batch.run(ROWS, Tracks(group), TakeOver(place), ledger, lambda record, new: None)
    # The first time the journal's name, too; then the names of the tracks.
    assert syncs == ["", "/.manifest.jsonl.journal", "/place"]
    assert (tmp_path / ".manifest.jsonl.journal").read_bytes().count(b"\n") == 3


def test_a_place_that_breaks_ends_the_run_and_only_what_got_its_name_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = open_place(str(tmp_path / "place"))
    group = [made(row, bring(place, tmp_path, str(row))) for row in (1, 2, 3)]
    real = os.replace

    def full(source: str, target: str) -> None:
        if target.endswith(ROWS[1].path):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    ledger = Ledger(tmp_path, "manifest.jsonl")
    engine, ended = Tracks(group), list[int]()
    with pytest.raises(FolderFailed, match="quota"):
        batch.run(ROWS, engine, TakeOver(place), ledger, lambda record, new: ended.append(record.row))
    assert sorted(ledger.records) == ended == engine.taken_rows == [1, 3]
    monkeypatch.undo()
    again = survey(place, ROWS, Ledger(tmp_path, "manifest.jsonl").records)  # the journal has all three
    assert [row.row for row in again.to_do] == [2]


def test_an_engine_that_leaves_rows_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Interrupts", object)  # pytest has handlers of its own
    place = open_place(str(tmp_path / "place"))
    group = [made(row, bring(place, tmp_path, str(row))) for row in (1, 3)]
    bring(place, tmp_path, "2")
    means = Means(name="test", place=place, taking=TakeOver(place), start=lambda *_: Tracks(group))
    assert command.make(tmp_path, WHOLE, ROWS, means, force=False, as_json=False, quiet=False) == 1
    assert "1 row is still to be made" in capsys.readouterr().err
    assert place.made_there() == {".made/2.wav"}
    means = Means(
        name="test", place=place, taking=TakeOver(place), start=lambda *_: Tracks([made(2, ".made/2.wav")])
    )
    assert command.make(tmp_path, WHOLE, ROWS, means, force=False, as_json=False, quiet=True) == 0
    assert place.made_there() == set()


def test_a_stranger_s_file_is_never_taken_for_the_row_s(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is killed where the row is written down and its track has no name yet; tracks of one length
    have one size."""
    (tmp_path / "strange").write_bytes(b"other")
    world.place.put(tmp_path / "strange", ROWS[0].path)
    engine, taking = Tracks([made(1, bring(world.place, tmp_path, "a"))]), TakeOver(world.place)
    means = Means(name="test", place=world.place, taking=taking, start=lambda *_: engine)

    class Killed(BaseException):
        pass

    def kill(rows: list[Made]) -> NoReturn:
        raise Killed

    monkeypatch.setattr(command, "Interrupts", lambda: None)  # they would be this process's
    monkeypatch.setattr(taking, "_adopt", kill)
    monkeypatch.setattr(batch._Group, "_take_back", lambda *_: None)
    with pytest.raises(Killed):
        command.make(tmp_path, WHOLE, ROWS[:1], means, force=True, as_json=False, quiet=True)
    records = Ledger(tmp_path, "manifest.jsonl").records
    assert list(records) == [1] and not survey(world.place, ROWS[:1], records).there


def test_shards_of_one_place_have_made_folders_of_their_own() -> None:
    assert [made_folder(shard) for shard in (WHOLE, Shard(2, 4))] == [".made", ".made.2-of-4"]
