"""The library's files and its index: what is deleted, what is kept, what is put right after a kill."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import threading
from pathlib import Path

import msgspec
import pytest

from lofi_broker import library
from lofi_broker.leftovers import sweep_library
from lofi_broker.library import Library
from lofi_broker.requests import base_of
from lofi_broker.store import Store
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, InvalidTrackId
from lofi_common.jobs import Job, JobState
from lofi_common.messages import Done
from tests.unit.scheduling import job

NAME = "0123456789abcdef"
AUDIO = b"RIFF audio"


class Place:
    """A library with its store, and a spool that workers write to."""

    def __init__(self, root: Path) -> None:
        self.folder, self.spool = root / "tracks", root / "spool"
        self.folder.mkdir()
        self.spool.mkdir()
        self.store = Store(root / "queue.sqlite")
        self.library = Library(self.folder, self.spool, self.store)
        self.job = msgspec.structs.replace(job(NAME), order=1)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def audio(self) -> Path:
        return self.folder / f"{NAME}.wav"

    @property
    def metadata(self) -> Path:
        return self.folder / f"{NAME}.json"

    def save(self, state: JobState, track: Track | None = None) -> Job:
        self.job = msgspec.structs.replace(self.job, state=state)
        self.store.save(self.job, 1.0, track)
        return self.job

    def done(self, data: bytes = AUDIO, **changes: object) -> Done:
        """What a worker tells of a file that it wrote."""
        path = self.spool / f"{NAME}.1.wav"
        path.write_bytes(data)
        told: dict[str, object] = {
            "job_id": NAME,
            "attempt": 1,
            "path": str(path),
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "sample_rate": 32_000,
            "samples": 160_000,
            "generation_sec": 1.0,
            "peak": 0.5,
            **changes,
        }
        return msgspec.convert(told, Done)

    def adopt(self, done: Done) -> Track:
        return asyncio.run(self.library.adopt(self.job, done, 1.0))

    def make(self) -> None:
        """The job from its request to its track."""
        for state in (JobState.QUEUED, JobState.GENERATING):
            self.save(state)
        self.save(JobState.COMPLETE, self.adopt(self.done()))

    def sweep(self) -> None:
        sweep_library(self.folder, self.store)


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


TOKENS = b"tokens of a track"


def with_tokens(place: Place, **lies: object) -> Done:
    (place.spool / f"{NAME}.1.tokens").write_bytes(TOKENS)
    told = {"tokens_sha256": hashlib.sha256(TOKENS).hexdigest(), "tokens_bytes": len(TOKENS), **lies}
    return place.done(**told)


def make_with_tokens(place: Place) -> None:
    for state in (JobState.QUEUED, JobState.GENERATING):
        place.save(state)
    place.save(JobState.COMPLETE, place.adopt(with_tokens(place)))


def test_tokens_come_and_go_with_their_track(place: Place) -> None:
    make_with_tokens(place)
    assert place.files == [f"{NAME}.json", f"{NAME}.tokens", f"{NAME}.wav"]
    assert place.library.tokens_file(NAME).read_bytes() == TOKENS
    assert list(place.spool.iterdir()) == []
    place.sweep()
    assert place.library.tokens_file(NAME).exists()
    asyncio.run(place.library.delete(NAME))
    assert place.files == []


def test_only_the_tokens_that_were_kept_are_continued(place: Place) -> None:
    """Others of the same size would be played, and nobody would know what."""
    make_with_tokens(place)
    assert base_of(place.library, NAME).track_id == NAME
    place.library.tokens_file(NAME).write_bytes(TOKENS[::-1])
    with pytest.raises(InvalidTrackId, match="its tokens are missing or damaged") as refused:
        base_of(place.library, NAME)
    assert f"`lofi tracks rm {NAME}`, then make it again" in refused.value.info().recovery
    place.library.tokens_file(NAME).unlink()
    with pytest.raises(InvalidTrackId, match="its tokens are missing or damaged"):
        base_of(place.library, NAME)


def test_a_piece_of_a_stream_is_continued_by_the_radio_alone(place: Place) -> None:
    """It has tokens, of its own audio alone: what comes before would be missing."""
    place.job = msgspec.structs.replace(place.job, spec=msgspec.structs.replace(place.job.spec, segment=True))
    make_with_tokens(place)
    with pytest.raises(InvalidTrackId, match="is a piece of a stream: only the radio continues it"):
        base_of(place.library, NAME)


@pytest.mark.parametrize("lie", [{"tokens_sha256": "0" * 64}, {"tokens_bytes": 1}])
def test_tokens_that_are_not_the_told_ones_are_refused(place: Place, lie: dict[str, object]) -> None:
    with pytest.raises(CacheWriteError, match="not the file"):
        place.adopt(with_tokens(place, **lie))
    assert place.files == []


def test_a_track_without_its_tokens_is_whole(place: Place) -> None:
    make_with_tokens(place)
    place.library.tokens_file(NAME).unlink()
    place.sweep()
    assert place.library.find(NAME) is not None


def test_tokens_without_a_track_are_swept_and_other_files_are_not(place: Place) -> None:
    for state in (JobState.QUEUED, JobState.GENERATING):
        place.save(state)
    place.adopt(with_tokens(place))  # and then the broker was killed
    (place.folder / "mine.tokens").write_bytes(b"mine")
    place.sweep()
    assert place.files == ["mine.tokens"]


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
