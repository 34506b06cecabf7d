"""What exported files tell of themselves, where that is unusual."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from lofi_broker.library import track_of
from lofi_cli import export as exporting
from lofi_cli.export import Export, export, plan
from lofi_cli.id3 import tag
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, LofiError
from lofi_common.jobs import AudioFormat, JobState
from tests.unit.scheduling import job

LONGEST = "夏" * 1000


@pytest.fixture
def track(tmp_path: Path) -> Track:
    path = tmp_path / "track.wav"
    soundfile.write(path, np.sin(np.arange(64_000) * 0.1) / 2, 32_000)
    return msgspec.structs.replace(
        track_of(job("a"), status=JobState.COMPLETE), path=str(path), prompt=LONGEST
    )


@pytest.mark.parametrize("kind", AudioFormat)
def test_the_longest_prompt_and_a_model_that_is_not_installed_any_more(
    track: Track, tmp_path: Path, kind: AudioFormat
) -> None:
    target = tmp_path / f"mine.{kind}"
    export(Export(track, target, kind), {}, force=False)
    with soundfile.SoundFile(target) as file:
        assert file.license == "" and file.frames >= 64_000
        if kind is AudioFormat.WAV:  # libsndfile writes texts as long as that, but does not read them
            assert LONGEST.encode() in target.read_bytes()
            return
        assert file.title == LONGEST
        assert file.comment.startswith(f"seed {track.seed}, ") and "licence" not in file.comment


def test_where_nothing_can_go(track: Track, tmp_path: Path) -> None:
    for output, words in (
        (f"{tmp_path}/no/", "there is no folder"),
        (f"{tmp_path}/{'x' * 256}", "name too long"),
        ("/dev/null", "it is no file"),
        (f"{tmp_path}/x.m4a", "m4a is not made"),
    ):
        with pytest.raises(LofiError, match=f"(?i){words}"):
            plan([track], output, None, force=True)


def test_a_relative_name_becomes_a_whole_path(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (wanted,) = plan([track], "mine.wav", None, force=False)
    assert wanted.path == tmp_path / "mine.wav"


def test_what_the_encoder_refuses_is_no_fault_of_the_track(track: Track, tmp_path: Path) -> None:
    assert track.path is not None
    soundfile.write(track.path, np.zeros(1000), 12_345)  # a rate that MP3 has not
    with pytest.raises(CacheWriteError, match=r"mine.mp3 can't be written") as told:
        export(Export(track, tmp_path / "mine.mp3", AudioFormat.MP3), {}, force=False)
    assert "tracks rm" not in told.value.recovery and [*tmp_path.iterdir()] == [Path(track.path)]


def test_a_source_that_can_t_be_read_is_no_fault_of_the_target(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "track.ogg"
    soundfile.write(path, np.zeros(1000), 32_000)
    track = msgspec.structs.replace(track, path=str(path), format=AudioFormat.OGG)

    def broken(file: str | int, *how: Any, **more: Any) -> Any:
        if file == track.path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return open(file, *how, **more)

    monkeypatch.setattr(exporting, "open", broken, raising=False)
    with pytest.raises(LofiError, match=r"track.ogg can't be read: Input/output error"):
        export(Export(track, tmp_path / "mine.ogg", AudioFormat.OGG), {}, force=False)
    path.write_bytes(b"no sound")
    with pytest.raises(LofiError, match=r"track.ogg can't be read") as told:
        export(Export(track, tmp_path / "mine.ogg", AudioFormat.OGG), {}, force=False)
    assert "`lofi tracks rm track`" in told.value.recovery
    assert not (tmp_path / "mine.ogg").exists()


def test_a_tag_byte_by_byte() -> None:
    assert tag("é", "c") == (
        b"ID3\x04\x00\x00\x00\x00\x00\x1d"
        b"TIT2\x00\x00\x00\x03\x00\x00\x03\xc3\xa9"
        b"COMM\x00\x00\x00\x06\x00\x00\x03eng\x00c"
    )
    assert tag("x" * 200, "")[14:18] == b"\x00\x00\x01\x49"  # 201 bytes, seven bits to a byte
