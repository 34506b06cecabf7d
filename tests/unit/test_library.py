"""The library's files and its index: what is deleted, what is kept, what is put right after a kill."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import msgspec
import pytest

from lofi_broker import library
from lofi_common.errors import CacheWriteError
from lofi_common.jobs import JobState
from tests.support.library import AUDIO, NAME, Place, with_tokens


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def made(place: Place) -> Place:
    """With one track."""
    place.make()
    assert place.files == [f"{NAME}.json", f"{NAME}.wav"]
    return place


def test_a_file_that_its_user_changed_is_kept_and_is_no_longer_that_track(made: Place) -> None:
    made.audio.write_bytes(AUDIO + b"TAG my title")
    assert made.library.find(NAME) is None and made.store.index.track(NAME) is None
    made.sweep()
    made.sweep()
    assert made.audio.read_bytes() == AUDIO + b"TAG my title"
    assert made.store.index.track(NAME) is None
    for state in (JobState.QUEUED, JobState.GENERATING):  # asked for again, and killed
        made.save(state)
    made.sweep()
    assert made.audio.read_bytes() == AUDIO + b"TAG my title"
    made.make()
    assert made.audio.read_bytes() == AUDIO and made.library.find(NAME) is not None


def test_tracks_of_a_disk_that_was_away_are_found_again(made: Place, tmp_path: Path) -> None:
    track = made.library.find(NAME)
    made.folder.rename(tmp_path / "away")
    made.folder.mkdir()
    made.sweep()
    assert made.library.list(limit=9, offset=0, query="") == ([], 0)
    made.folder.rmdir()
    (tmp_path / "away").rename(made.folder)
    made.sweep()
    assert made.library.find(NAME) == track and made.files == [f"{NAME}.json", f"{NAME}.wav"]


def test_a_deletion_that_a_kill_cut_off_leaves_the_track_or_nothing(made: Place) -> None:
    metadata = made.metadata.read_bytes()
    made.store.forget(0)  # no job tells of it any more
    made.metadata.unlink()
    made.sweep()
    assert made.metadata.read_bytes() == metadata and made.library.find(NAME) is not None
    made.metadata.unlink()
    made.audio.unlink()
    made.sweep()
    assert made.files == [] and made.library.stats() == (0, 0)


@pytest.mark.parametrize("kept", [("json",), ("json", "wav")])
def test_a_track_that_was_just_being_put_there_leaves_nothing(place: Place, kept: tuple[str, ...]) -> None:
    for state in (JobState.QUEUED, JobState.GENERATING):
        place.save(state)
    place.adopt(place.done())
    for suffix in {"json", "wav"} - {*kept}:
        (place.folder / f"{NAME}.{suffix}").unlink()
    (place.folder / f".{NAME}.json.part").write_bytes(b"{")
    place.sweep()
    assert place.files == []


@pytest.mark.parametrize(
    "lie",
    [{"sha256": "0" * 64}, {"bytes": 1}, {"samples": 1}, {"path": "/etc/passwd"}, {"path": "/spool/../x"}],
    ids=lambda lie: next(iter(lie)),
)
def test_a_file_that_is_not_the_told_one_is_refused(place: Place, lie: dict[str, object]) -> None:
    with pytest.raises(CacheWriteError, match="not the file"):
        place.adopt(place.done(**lie))
    assert place.files == []


def test_only_a_file_is_a_track(place: Place) -> None:
    done = place.done(data=b"")
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/null")):
        Path(done.path).unlink()
        make(Path(done.path))
        with pytest.raises(CacheWriteError, match="not the file"):
            place.adopt(done)
    assert place.files == []


def test_what_can_t_be_put_there_replaces_nothing(made: Place) -> None:
    made.metadata.unlink()
    made.metadata.mkdir()
    with pytest.raises(CacheWriteError, match="can't be put"):
        made.adopt(made.done(data=b"RIFF other"))
    assert made.audio.read_bytes() == AUDIO


def test_everything_is_deleted_and_the_loop_goes_on(made: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    unlink = os.unlink

    def seen(path: Path, **named: int) -> None:
        threads.add(threading.current_thread())
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", seen)
    track = made.store.index.track(NAME)
    assert track is not None
    others = [msgspec.structs.replace(track, track_id=f"{n:016x}") for n in range(1200)]
    made.store.index.put_all(others)
    assert asyncio.run(made.library.clear()) == 1201
    assert made.files == [] and made.library.stats() == (0, 0)
    assert threads and threading.main_thread() not in threads


def test_what_can_t_be_deleted_stays_known(made: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(monkeypatch)
    with pytest.raises(CacheWriteError, match="Read-only"):
        asyncio.run(made.library.delete(NAME))
    with pytest.raises(CacheWriteError, match="Read-only"):
        asyncio.run(made.library.clear())
    assert made.library.find(NAME) is not None


def test_a_play_that_can_t_be_noted_stops_nobody(
    made: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "stat", refuse)
    asyncio.run(made.library.played(NAME, 2.0))
    assert "play_not_kept" in caplog.text and "Permission denied" in caplog.text


@pytest.mark.parametrize("moves", [1, 2], ids=["tokens", "audio"])
def test_what_can_be_put_there_only_in_part_is_taken_back(
    place: Place, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    rename, moved = Path.rename, []

    def refuse(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) > moves:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    done = with_tokens(place)
    if moves == 2:  # all of it is there, and can't be synced
        monkeypatch.setattr(library, "sync_folder", lambda folder: refuse(folder, folder))
    with pytest.raises(CacheWriteError, match="Input/output error"):
        place.adopt(done)
    assert len(moved) == moves + 1 and place.files == []


def test_a_spool_that_can_t_be_swept_stops_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(place.done().path)
    _refuse(monkeypatch)
    place.library.sweep_spool()
    place.library.discard_attempt(NAME, 1)
    assert path.exists()


def _refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", refuse)


@pytest.mark.parametrize(
    ("asked", "samples", "fits"),
    [
        ({}, 160_000, True),
        ({}, 160_001, False),
        ({"segment": True}, 157_000, True),
        ({"segment": True}, 190_000, True),
        ({"segment": True}, 0, False),
        ({"loop": True}, 150_000, True),
        ({"loop": True}, 0, False),
    ],
)
def test_how_long_a_track_has_to_be(place: Place, asked: dict[str, object], samples: int, fits: bool) -> None:
    place.job = msgspec.structs.replace(place.job, spec=msgspec.structs.replace(place.job.spec, **asked))
    if fits:
        assert place.adopt(place.done(samples=samples)).samples == samples
    else:
        with pytest.raises(CacheWriteError, match="not the file"):
            place.adopt(place.done(samples=samples))


def test_the_growing_file_of_a_generating_job(place: Place) -> None:
    running = msgspec.structs.replace(place.job, state=JobState.GENERATING, attempt=2)
    assert place.library.growing(running) is None
    file = place.spool / f"{NAME}.2.growing.wav"
    file.touch()
    assert place.library.growing(running) == file
    assert place.library.growing(msgspec.structs.replace(running, attempt=3)) is None
    place.library.discard_attempt(NAME, 2)
    assert not file.exists()
