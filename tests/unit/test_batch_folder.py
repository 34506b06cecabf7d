"""The folder of a batch: manifest and journal, locks, files that come whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest

from lofi_batch import batch, files
from lofi_batch.copying import Copying
from lofi_batch.engine import Failed, Made, Outcome
from lofi_batch.errors import FolderFailed, SourceLost, TargetFailed
from lofi_batch.folder import Folder
from lofi_batch.lock import Busy, locked
from lofi_batch.manifest import Ledger, ManifestError, Record, RowError
from lofi_batch.plan import WHOLE, Defaults, Row, Shard, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.survey import survey
from tests.support.limits import no_growth

ROWS, _ = make_plan([Entry(line, Asked(prompt=f"rain {line}")) for line in (1, 2, 3)], Defaults())


def made(folder: Path, row: Row, data: bytes = b"sound") -> Record:
    (folder / row.path).write_bytes(data)
    return Record.of(
        row,
        attempts=1,
        model_version="m-1",
        track_id="0" * 16,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        seconds=1.0,
    )


def failed(row: Row) -> Record:
    return Record.of(row, attempts=3, error=RowError(code="MODEL_INFERENCE_FAILED", message="no"))


def test_a_journal_becomes_the_manifest_in_the_rows_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "manifest.jsonl")
    for row in (ROWS[2], ROWS[0]):
        ledger.add([made(tmp_path, row)])
    assert not ledger.path.exists()
    assert list(Ledger(tmp_path, "manifest.jsonl").records) == [3, 1]  # as after a kill
    ledger.add([failed(ROWS[0])])
    ledger.close([1, 2, 3])
    again = Ledger(tmp_path, "manifest.jsonl")
    assert list(again.records) == [1, 3] and again.records[1].error is not None
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    first = Ledger(tmp_path, "manifest.jsonl")
    for row in ROWS:
        first.add([made(tmp_path, row)])
    journal = tmp_path / ".manifest.jsonl.journal"
    data = journal.read_bytes()
    last = data.rfind(b"\n", 0, -1) + 1
    for cut in range(last, len(data)):
        journal.write_bytes(data[:cut])
        assert list(Ledger(tmp_path, "manifest.jsonl").records) == [1, 2]
    ledger = Ledger(tmp_path, "manifest.jsonl")
    ledger.add([failed(ROWS[0])])
    assert journal.read_bytes().count(b"\n") == 3 and journal.read_bytes().endswith(b"\n")
    assert [r.error is None for r in Ledger(tmp_path, "manifest.jsonl").records.values()] == [False, True]


def test_records_stay_on_disk(tmp_path: Path) -> None:
    record = msgspec.structs.replace(failed(ROWS[0]), prompt="p" * 900)
    with (tmp_path / "manifest.jsonl").open("wb") as file:
        for row in range(1, 2001):
            file.write(msgspec.json.encode(msgspec.structs.replace(record, row=row)) + b"\n")
    tracemalloc.start()
    try:
        ledger = Ledger(tmp_path, "manifest.jsonl")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ledger.records) == 2000 and ledger.records[1999].row == 1999
    assert taken < 2000 * 200


@pytest.mark.parametrize("name", ["manifest.jsonl", ".manifest.jsonl.journal"])
def test_a_damaged_line_is_named_by_file_and_number(tmp_path: Path, name: str) -> None:
    ledger = Ledger(tmp_path, "manifest.jsonl")
    ledger.add([made(tmp_path, ROWS[0])])
    if not name.startswith("."):
        ledger.close([1])
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b'{"row": "x"}\n')
    with pytest.raises(ManifestError, match=f"{name}, line 2"):
        Ledger(tmp_path, "manifest.jsonl")


def test_a_journal_that_can_t_grow_keeps_its_whole_lines(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "manifest.jsonl")
    ledger.add([made(tmp_path, ROWS[0])])
    size = (tmp_path / ".manifest.jsonl.journal").stat().st_size
    with no_growth(size + 10), pytest.raises(OSError, match=r"No space|large"):
        ledger.add([failed(ROWS[1])])
    assert list(Ledger(tmp_path, "manifest.jsonl").records) == [1] == list(ledger.records)
    ledger.add([failed(ROWS[1])])
    assert list(Ledger(tmp_path, "manifest.jsonl").records) == [1, 2]


def test_what_is_there_missing_damaged_changed_and_in_the_way(tmp_path: Path) -> None:
    records = {row.row: made(tmp_path, row) for row in ROWS}
    assert survey(Folder(tmp_path), ROWS, records).there == ROWS
    (tmp_path / ROWS[0].path).unlink()
    (tmp_path / ROWS[1].path).write_bytes(b"soond")
    found = survey(Folder(tmp_path), ROWS, records)
    assert (found.there, found.to_do) == ([ROWS[2]], ROWS[:2]) and not found.changed + found.in_the_way
    others, _ = make_plan([Entry(1, Asked(prompt="snow")), Entry(2, Asked(prompt="rain 2"))], Defaults())
    found = survey(Folder(tmp_path), others, {1: made(tmp_path, ROWS[0]), 3: records[3]})
    assert [record.row for record in found.changed] == [1, 3]  # another row, and one that is gone
    assert found.in_the_way == [ROWS[1].path]
    Folder(tmp_path).delete(record.path for record in found.changed)
    assert survey(Folder(tmp_path), others, records).changed == []


def test_a_link_out_of_the_folder_is_seen(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "batch", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "sub").symlink_to(elsewhere)
    rows, _ = make_plan([Entry(1, Asked(prompt="x", file="sub/x.wav"))], Defaults())
    assert survey(Folder(folder), rows, {}).outside == ["sub/x.wav"]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "source.wav"
    path.write_bytes(b"sound")
    yield path


SOUND = hashlib.sha256(b"sound").hexdigest()


def track(source: Path, row: Row = ROWS[0], sha256: str = SOUND) -> Made:
    return Made(row, "0" * 16, "m-1", str(source), sha256, 1.0, 1)


def at(path: str) -> Row:
    return msgspec.structs.replace(ROWS[0], path=path)


def test_a_file_comes_whole_after_it_is_known(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "a/b/x.wav"
    copying = Copying(Folder(tmp_path))
    known: list[tuple[bool, Mapping[int, int]]] = []
    assert (
        copying.take([track(source, at("a/b/x.wav"))], lambda sizes: known.append((target.exists(), sizes)))
        == {}
    )
    assert known == [(False, {1: 5})]
    assert target.read_bytes() == b"sound" and os.listdir(target.parent) == ["x.wav"]
    (lost,) = copying.take([track(source, at("a/b/x.wav"), "0" * 64)], print).values()
    assert isinstance(lost, SourceLost) and "not the bytes" in str(lost)
    source.unlink()
    (lost,) = copying.take([track(source, at("a/b/x.wav"))], print).values()
    assert isinstance(lost, SourceLost) and "can't be read" in str(lost)
    assert target.read_bytes() == b"sound" and os.listdir(target.parent) == ["x.wav"]


def test_of_a_group_all_are_taken_but_those_that_can_t(tmp_path: Path, source: Path) -> None:
    group = [
        track(source),
        track(source, msgspec.structs.replace(ROWS[1], path="source.wav/x.wav")),
        track(source, ROWS[2]),
    ]
    known: list[Mapping[int, int]] = []
    errors = Copying(Folder(tmp_path)).take(group, known.append)
    assert {row: type(error) for row, error in errors.items()} == {2: TargetFailed}
    assert known == [{1: 5, 3: 5}]
    assert sorted(os.listdir(tmp_path)) == sorted([ROWS[0].path, ROWS[2].path, "source.wav"])


def test_what_was_copied_before_the_disk_was_full_is_kept(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(target: Path, *, force: bool) -> Iterator[int]:
        if target.name == ROWS[1].path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with real(target, force=force) as descriptor:
            yield descriptor

    real = files.new_file
    monkeypatch.setattr(files, "new_file", full)
    known: list[Mapping[int, int]] = []
    errors = Copying(Folder(tmp_path)).take([track(source, row) for row in ROWS], known.append)
    assert {row: type(error) for row, error in errors.items()} == {2: FolderFailed, 3: FolderFailed}
    assert known == [{1: 5}] and sorted(os.listdir(tmp_path)) == [ROWS[0].path, "source.wav"]


def test_a_folder_that_can_t_be_written_leaves_nothing(tmp_path: Path, source: Path) -> None:
    def full(sizes: Mapping[int, int]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        Copying(Folder(tmp_path)).take([track(source)], full)
    assert os.listdir(tmp_path) == ["source.wav"]


class OneTrack:
    """An engine that has made one row, and gives it up when it can't be taken."""

    def __init__(self, row: Row, file: Path) -> None:
        self._row, self._file, self._lost = row, file, list[RowError]()

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        yield [track(self._file, self._row)]
        yield [Failed(self._row, error, 2) for error in self._lost]

    def again(self, made: Made, error: RowError) -> None:
        self._lost.append(error)

    def taken(self, made: Made) -> None:
        raise AssertionError("it is not safe")

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def test_a_file_that_gets_no_name_is_a_failed_row(tmp_path: Path, source: Path) -> None:
    ledger = Ledger(tmp_path, "manifest.jsonl")
    (tmp_path / ROWS[0].path).mkdir()
    ended: list[Record] = []
    engine = OneTrack(ROWS[0], source)
    batch.run([ROWS[0]], engine, Copying(Folder(tmp_path)), ledger, lambda record, new: ended.append(record))
    assert [(record.attempts, record.sha256) for record in ended] == [(2, None)]
    assert ended[0].error is not None and ended[0].error.code == "FILE_FAILED"
    ledger.close([1])
    assert list(Ledger(tmp_path, "manifest.jsonl").records.values()) == ended


def test_a_disk_that_fails_before_a_file_has_its_name_leaves_no_claim(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def broken(target: Path, *, force: bool) -> Iterator[int]:
        with real(target, force=force) as descriptor:
            yield descriptor
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    real = files.new_file
    monkeypatch.setattr(files, "new_file", broken)
    ledger = Ledger(tmp_path, "manifest.jsonl")
    with pytest.raises(FolderFailed, match="Input/output"):
        batch.run([ROWS[0]], OneTrack(ROWS[0], source), Copying(Folder(tmp_path)), ledger, print)
    ledger.close([1])
    assert ledger.path.read_bytes() == b""
    assert sorted(os.listdir(tmp_path)) == ["manifest.jsonl", "source.wav"]


def test_a_manifest_that_can_t_get_its_name_leaves_the_journal(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "manifest.jsonl")
    ledger.add([made(tmp_path, ROWS[0])])
    ledger.path.mkdir()
    with pytest.raises(OSError, match="directory"):
        ledger.close([1])
    ledger.path.rmdir()
    assert list(Ledger(tmp_path, "manifest.jsonl").records) == [1]


@pytest.mark.parametrize("path", ["../victim.wav", "/victim.wav", "a/../../victim.wav", ".hidden", ""])
def test_a_manifest_names_no_file_outside_of_its_folder(tmp_path: Path, path: str) -> None:
    record = msgspec.structs.replace(made(tmp_path, ROWS[0]), path=path)
    (tmp_path / "manifest.jsonl").write_bytes(msgspec.json.encode(record) + b"\n")
    with pytest.raises(ManifestError, match=r"manifest.jsonl, line 1: file"):
        Ledger(tmp_path, "manifest.jsonl")


def test_nothing_is_written_or_deleted_through_a_link(tmp_path: Path, source: Path) -> None:
    folder, elsewhere = tmp_path / "batch", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    victim = made(elsewhere, ROWS[0])
    (folder / "sub").symlink_to(elsewhere)
    there = msgspec.structs.replace(victim, path=f"sub/{victim.path}")
    assert survey(Folder(folder), [], {1: there}).changed == []
    for name in (".manifest.jsonl.journal", ".lofi-batch.lock"):
        (folder / name).symlink_to(elsewhere / victim.path)
    with pytest.raises(OSError, match="symbolic"), locked(folder, WHOLE):
        pass
    with pytest.raises(OSError, match="symbolic"):
        Ledger(folder, "manifest.jsonl")
    (folder / "x.wav").symlink_to(elsewhere / victim.path)
    assert Copying(Folder(folder)).take([track(source, at("x.wav"))], print) == {}
    assert not (folder / "x.wav").is_symlink()
    assert Folder(elsewhere).is_there(victim)


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / ROWS[0].path).mkdir()
    (tmp_path / "file").touch()
    inside, _ = make_plan([Entry(1, Asked(prompt="x", file="file/x.wav"))], Defaults())
    assert survey(Folder(tmp_path), ROWS + inside, {}).no_files == [ROWS[0].path, "file/x.wav"]


def test_one_batch_in_a_folder_or_shards_of_one_division(tmp_path: Path) -> None:
    with locked(tmp_path, WHOLE), pytest.raises(Busy), locked(tmp_path, WHOLE):
        pass
    with locked(tmp_path, Shard(1, 2)):
        for refused in (WHOLE, Shard(1, 2), Shard(2, 3)):
            with pytest.raises(Busy), locked(tmp_path, refused):
                pass
        with locked(tmp_path, Shard(2, 2)):
            pass
    with locked(tmp_path, Shard(2, 3)), pytest.raises(Busy, match="3 shards"):
        ExitStack().enter_context(locked(tmp_path, Shard(1, 2)))
