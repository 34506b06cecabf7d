"""What is told of a file is on disk before it is told."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from lofi_broker.library import Library
from lofi_broker.store import Store
from lofi_common import messages as m
from lofi_worker.agent import Agent
from tests.unit.scheduling import done, job
from tests.unit.test_agent import LEAVE, ScriptedLink, engine, run


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Inode → its size, in bytes, when it was last synced."""
    seen: dict[int, int] = {}
    sync = os.fsync

    def note(descriptor: int) -> None:
        sync(descriptor)
        seen[os.fstat(descriptor).st_ino] = os.fstat(descriptor).st_size

    monkeypatch.setattr(os, "fsync", note)
    return seen


def test_a_finished_track_before_the_broker_hears_of_it(tmp_path: Path, synced: dict[int, int]) -> None:
    class Link(ScriptedLink):
        def send(self, message: m.WorkerMessage) -> None:
            if isinstance(message, m.Done):
                assert synced[os.stat(message.path).st_ino] == message.bytes
            super().send(message)

    link = Link(run("a"), after={m.Done: LEAVE})
    Agent(engine(), link, tmp_path).run()
    assert isinstance(link.sent[-1], m.Done)


def test_a_track_its_metadata_and_their_names_before_the_index_has_it(
    tmp_path: Path, synced: dict[int, int]
) -> None:
    spool, tracks = tmp_path / "spool", tmp_path / "tracks"
    spool.mkdir()
    tracks.mkdir()
    (spool / "a.1.wav").write_bytes(b"R")
    with closing(Store(tmp_path / "queue.sqlite")) as store:
        told = msgspec.structs.replace(
            done("a"), path=str(spool / "a.1.wav"), sha256=hashlib.sha256(b"R").hexdigest()
        )
        asyncio.run(Library(tracks, spool, store).adopt(job("a"), told, 1.0))
    metadata = (tracks / "a.json").stat()
    assert synced[metadata.st_ino] == metadata.st_size
    assert tracks.stat().st_ino in synced
