"""The same samples give the same file, whenever they are encoded."""

from __future__ import annotations

import hashlib
import io
from io import FileIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from lofi_common.jobs import AudioFormat
from lofi_worker import ogg
from lofi_worker.recording import Recording
from lofi_worker.spool import SpoolFile

RATE = 32_000
NOISE = (np.random.default_rng(0).standard_normal((RATE, 1)) * 3000).astype(np.int16)


def crc(page: bytes) -> int:
    """The checksum of RFC 3533, bit by bit, of a page whose own field is zero."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = ((register << 1) ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFF_FFFF
    return register


def pages(data: bytes) -> list[bytes]:
    found = []
    while data:
        header = 27 + data[26]
        size = header + sum(data[27:header])
        found.append(data[:size])
        data = data[size:]
    return found


def recorded(folder: Path, pcm: NDArray[np.int16], kind: AudioFormat, pieces: int = 1) -> SpoolFile:
    recording = Recording(folder, "x.1", kind, expected=len(pcm), sample_rate=RATE, channels=pcm.shape[1])
    for piece in np.array_split(pcm, pieces):
        recording.add(piece)
    return recording.finish()


@pytest.mark.parametrize("kind", list(AudioFormat))
@pytest.mark.parametrize("channels", [1, 2])
def test_the_same_samples_give_the_same_bytes_however_they_come(
    kind: AudioFormat, channels: int, tmp_path: Path
) -> None:
    pcm = np.hstack([NOISE, NOISE[::-1]])[:, :channels]
    first, again = (recorded(tmp_path, pcm, kind, pieces).sha256 for pieces in (1, 7))
    assert first == again == hashlib.sha256((tmp_path / f"x.1.{kind}").read_bytes()).hexdigest()
    assert recorded(tmp_path, pcm[::-1], kind).sha256 != first
    assert [path.name for path in tmp_path.iterdir()] == [f"x.1.{kind}"]


@pytest.mark.parametrize("kind", list(AudioFormat))
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_holds_every_sample(kind: AudioFormat, channels: int, tmp_path: Path) -> None:
    seconds = np.arange(3 * RATE + 99)[:, np.newaxis] / RATE
    pcm = (8000 * np.sin(2 * np.pi * np.array([220, 330]) * seconds)).astype(np.int16)[:, :channels]
    heard, rate = soundfile.read(recorded(tmp_path, pcm, kind).path, dtype="int16", always_2d=True)
    assert rate == RATE and heard.shape == pcm.shape
    lossless = kind in (AudioFormat.WAV, AudioFormat.FLAC)
    assert np.abs(heard.astype(float) - pcm)[RATE:-RATE].max() <= (0 if lossless else 300)


@pytest.mark.parametrize("kind", [AudioFormat.WAV, AudioFormat.FLAC])
def test_a_lossless_file_is_what_one_write_makes(kind: AudioFormat, tmp_path: Path) -> None:
    whole = io.BytesIO()
    soundfile.write(whole, NOISE, RATE, subtype="PCM_16", format=kind.upper())
    assert recorded(tmp_path, NOISE, kind, 5).path.read_bytes() == whole.getvalue()


def test_an_ogg_file_under_another_serial_number_is_whole(tmp_path: Path) -> None:
    path = recorded(tmp_path, NOISE, AudioFormat.OGG).path
    data = path.read_bytes()
    with FileIO(path, "r+") as file:
        ogg.set_serial(file, 0x89ABCDEF)
    changed = path.read_bytes()
    assert len(changed) == len(data) and len(pages(changed)) > 2
    for page in pages(changed):
        assert page[:4] == b"OggS" and page[14:18] == bytes.fromhex("efcdab89")
        assert int.from_bytes(page[22:26], "little") == crc(page[:22] + bytes(4) + page[26:])
    (before, _), (after, _) = (soundfile.read(io.BytesIO(each)) for each in (data, changed))
    assert np.array_equal(before, after)
