"""Copies of tracks, at the moments that only a race reaches, and on disks that refuse them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_broker.outputs import check_output, copy_track
from lofi_common.errors import CacheWriteError, InvalidParams
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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_needs_space_and_no_other_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    track = tmp_path / "track.wav"
    track.write_bytes(b"RIFF track")

    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CacheWriteError, match=os.strerror(number)) as refused:
        copy_track(track, Output(path=str(tmp_path / "mine.wav")), 0o600)
    assert refused.value.recovery.startswith("Free some space on that disk")
    assert [path.name for path in tmp_path.iterdir()] == ["track.wav"]


def test_a_disk_that_is_read_only_is_called_that(tmp_path: Path) -> None:
    try_it = (
        "import sys; from lofi_broker.outputs import check_output; from lofi_common.jobs import Output; "
        "check_output(Output(path=sys.argv[1] + '/x.wav'))"
    )
    mount = 'mount -t tmpfs -o ro none "$0" && exec "$@"'
    command = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        mount,
        str(tmp_path),
        sys.executable,
        "-c",
        try_it,
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    if "CacheWriteError" not in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    assert "can't be written: Read-only file system" in done.stderr


@pytest.mark.parametrize("path", ["mine.wav", "./mine.wav", "", "/tmp/a\0b.wav"])
def test_what_is_no_absolute_path_is_a_wrong_param(path: str) -> None:
    with pytest.raises(InvalidParams, match=r"output: .* is no absolute path"):
        check_output(Output(path=path))
