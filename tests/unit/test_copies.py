"""Copies to disks that hang: their clients are told, and nobody else waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lofi_broker import copies
from lofi_broker.copies import THREADS, Copies
from lofi_broker.library import track_of
from lofi_broker.outputs import copy_track
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError
from lofi_common.jobs import JobState, Output
from tests.unit.scheduling import job


@pytest.fixture
def track(tmp_path: Path) -> Track:
    path = tmp_path / "track.wav"
    path.write_bytes(b"RIFF track")
    return msgspec.structs.replace(track_of(job("a"), status=JobState.COMPLETE), path=str(path))


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Paths with `hung` in them do not answer until this is set."""
    answers = threading.Event()

    def copy(source: Path, output: Output, mode: int) -> None:
        if "hung" in output.path:
            answers.wait()
        copy_track(source, output, mode)

    monkeypatch.setattr(copies, "copy_track", copy)
    monkeypatch.setattr(copies, "PATIENCE_SEC", 0.3)
    yield answers
    answers.set()


def outputs(folder: Path, *names: str) -> tuple[Output, ...]:
    return tuple(Output(path=str(folder / name)) for name in names)


def test_a_copy_that_hangs_is_told_and_the_others_are_made(
    track: Track, tmp_path: Path, hung: threading.Event
) -> None:
    wanted = outputs(tmp_path, "hung.wav", "fine.wav", "none/x.wav")
    failed = asyncio.run(Copies(0o600).deliver(track, lambda: wanted))
    assert {Path(path).name for path in failed} == {"hung.wav", "x.wav"}
    assert "has not answered within 0.3 s" in failed[wanted[0].path]
    assert (tmp_path / "fine.wav").read_bytes() == b"RIFF track"


def test_copies_that_were_joined_meanwhile_are_made_too(track: Track, tmp_path: Path) -> None:
    asked = iter([1, 2, 2])
    wanted = outputs(tmp_path, "a.wav", "b.wav")
    assert asyncio.run(Copies(0o600).deliver(track, lambda: wanted[: next(asked)])) == {}
    assert (tmp_path / "a.wav").exists() and (tmp_path / "b.wav").exists()


def test_of_two_requests_for_a_path_the_later_one_counts(track: Track, tmp_path: Path) -> None:
    path = tmp_path / "old.wav"
    path.write_bytes(b"precious")
    wanted = (Output(path=str(path)), Output(path=str(path), force=True))
    assert asyncio.run(Copies(0o600).deliver(track, lambda: wanted)) == {}
    assert path.read_bytes() == b"RIFF track"


def test_a_disk_that_answers_again_gives_its_threads_back(
    track: Track, tmp_path: Path, hung: threading.Event
) -> None:
    async def run() -> None:
        copying = Copies(0o600)
        names = [f"hung{n}.wav" for n in range(THREADS)]
        assert len(await copying.deliver(track, lambda: outputs(tmp_path, *names))) == THREADS
        (other,) = outputs(tmp_path, "fine.wav")
        with pytest.raises(CacheWriteError, match="has not answered"):
            await copying.copy(track, other)
        await asyncio.to_thread(lambda: None)  # the broker's own threads are free
        hung.set()
        await copying.copy(track, other)

    asyncio.run(run())
    assert (tmp_path / "fine.wav").exists()


def test_a_copy_with_the_longest_name_that_a_disk_takes(track: Track, tmp_path: Path) -> None:
    (wanted,) = outputs(tmp_path, "夜" * 85)
    copy_track(Path(track.path or ""), wanted, 0o600)
    assert Path(wanted.path).read_bytes() == b"RIFF track"
