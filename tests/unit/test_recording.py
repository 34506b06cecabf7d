"""A track's file while it grows, and when the disk refuses."""

from __future__ import annotations

import errno
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from lofi_common.errors import CacheWriteError
from lofi_common.jobs import AudioFormat
from lofi_worker import spool
from lofi_worker.recording import Recording

RATE = 32_000
PCM = (np.random.default_rng(0).standard_normal((2 * RATE, 2)) * 3000).astype(np.int16)


def recording(folder: Path, kind: AudioFormat = AudioFormat.WAV, expected: int = len(PCM)) -> Recording:
    return Recording(folder, "x.1", kind, expected=expected, sample_rate=RATE, channels=2)


@pytest.mark.parametrize("kind", list(AudioFormat))
def test_what_was_added_can_be_read_at_once(tmp_path: Path, kind: AudioFormat) -> None:
    made = recording(tmp_path, kind)
    assert list(tmp_path.iterdir()) == []
    growing = tmp_path / "x.1.growing.wav"
    for stop in range(1000, len(PCM), 7000):
        made.add(PCM[made.samples : stop])
        data = growing.read_bytes()
        assert data[:44] == spool.wav_header(len(PCM), RATE, 2)
        assert data[44:] == PCM[:stop].tobytes() and made.seconds == stop / RATE
    with growing.open("rb") as listener:
        finished = made.finish()
        assert listener.read()[44:] == PCM[: made.samples].tobytes()  # who has it open goes on
    assert list(tmp_path.iterdir()) == [finished.path]


def test_the_header_of_the_growing_file_tells_the_expected_length_and_the_last_one_the_true_one(
    tmp_path: Path,
) -> None:
    made = recording(tmp_path, expected=RATE)
    made.add(PCM)
    with wave.open(str(tmp_path / "x.1.growing.wav")) as growing:
        assert growing.getnframes() == RATE
    with wave.open(str(made.finish().path)) as whole:
        assert whole.getparams()[:4] == (2, 2, RATE, len(PCM))
        assert whole.readframes(len(PCM)) == PCM.tobytes()


def test_a_wav_file_has_at_most_4_gib(tmp_path: Path) -> None:
    most = (2**32 - 44) // 4
    assert len(spool.wav_header(most, RATE, 2)) == 44
    made = recording(tmp_path, expected=most + 1)
    with pytest.raises(CacheWriteError, match="longer than a WAV file can be"):
        made.add(PCM)
    made.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("full", ["growing.wav", "flac", "ogg", "mp3"])
def test_a_full_disk_is_told_and_nothing_stays(tmp_path: Path, full: str) -> None:
    made = recording(tmp_path, AudioFormat.WAV if full == "growing.wav" else AudioFormat(full))
    (tmp_path / f"x.1.{full}").symlink_to("/dev/full")
    with pytest.raises(CacheWriteError, match="No space left on device"):
        made.add(PCM)
        made.finish()
    made.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", list(AudioFormat))
def test_a_disk_that_refuses_all_is_told(
    tmp_path: Path, kind: AudioFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    made = recording(tmp_path, kind)
    made.add(PCM)
    for name in ("fsync", "unlink"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(CacheWriteError, match="Read-only file system"):
        made.finish()
    made.discard()
