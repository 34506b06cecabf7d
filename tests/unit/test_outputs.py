"""Copies of tracks, at the moments that only a race reaches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lofi_broker.outputs import copy_track
from lofi_common.errors import CacheWriteError
from lofi_common.jobs import Output


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_while_the_copy_is_made_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    track, target = tmp_path / "track.wav", tmp_path / "mine.wav"
    track.write_bytes(b"RIFF track")

    def race(descriptor: int) -> None:
        target.write_bytes(b"precious")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fsync", race)
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(CacheWriteError, match="already"):
        copy_track(track, Output(path=str(target)), 0o600)
    assert target.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.wav", "track.wav"]
