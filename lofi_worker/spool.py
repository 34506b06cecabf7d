"""Audio files of the spool: PCM samples, the header of a WAV file that still grows, and the encoders."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_common.errors import CacheWriteError
from lofi_common.jobs import AudioFormat
from lofi_worker.ogg import set_serial

HEADER_BYTES = 44
SAMPLE_BYTES = 2
BLOCK = 32_000
"""Samples in each channel that an encoder is given at once: how they are cut may tell in its file, and very
long writes overflow the stack of libsndfile's Vorbis encoder."""

_SUBTYPES = {AudioFormat.FLAC: "PCM_16", AudioFormat.OGG: "VORBIS", AudioFormat.MP3: "MPEG_LAYER_III"}
_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")
_PCM = 1
_MOST_BYTES = 2**32 - HEADER_BYTES
"""Of samples: sizes in a WAV file have 32 bits."""


class SpoolFile(NamedTuple):
    path: Path
    bytes: int
    sha256: str


def to_pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """float [channels, samples] in −1 … 1 to int16 [samples, channels]."""
    clipped = np.clip(audio, -1.0, 1.0)
    return np.ascontiguousarray(np.rint(clipped * 32767.0).astype(np.int16).T)


def wav_header(samples: int, sample_rate: int, channels: int) -> bytes:
    """The header of a WAV file of so many 16-bit samples in each channel. Raises CacheWriteError."""
    frame = channels * SAMPLE_BYTES
    size = samples * frame
    if size > _MOST_BYTES:
        raise CacheWriteError("the track is longer than a WAV file can be", recovery="Ask for a shorter one.")
    return _HEADER.pack(
        b"RIFF",
        HEADER_BYTES - 8 + size,
        b"WAVEfmt ",
        16,
        _PCM,
        channels,
        sample_rate,
        sample_rate * frame,
        frame,
        8 * SAMPLE_BYTES,
        b"data",
        size,
    )


def write_all(file: FileIO, data: bytes) -> None:
    """Write to the end of `data`. Raises OSError."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


class Encoder:
    """A FLAC, OGG or MP3 file that is made piece by piece: the same bytes for the same samples."""

    def __init__(self, path: Path, sample_rate: int, channels: int, kind: AudioFormat) -> None:
        """Raises OSError, as `write` and `close` do, when the file can't be written."""
        self._kind = kind
        self._checksum = 0
        self._sink = _Sink(path)
        self._file = soundfile.SoundFile(
            self._sink, "w", sample_rate, channels, subtype=_SUBTYPES[kind], format=kind.upper()
        )

    def write(self, pcm: NDArray[np.int16]) -> None:
        """int16 [samples, channels], `BLOCK` of them but for the last ones."""
        self._checksum = zlib.crc32(pcm.data, self._checksum)
        # libsndfile 1.2.2 makes noise of half of each 16-bit stereo block that becomes MP3 (its #1106).
        broken = self._kind is AudioFormat.MP3 and pcm.shape[1] > 1
        with self._sink.heard():
            self._file.write(pcm / np.float32(32768.0) if broken else pcm)

    def close(self) -> None:
        """The file is whole; it is not synced."""
        try:
            with self._sink.heard():
                self._file.close()
            if self._kind is AudioFormat.OGG:
                set_serial(self._sink.file, self._checksum)
        finally:
            self._sink.file.close()


class _Sink:
    """The file that libsndfile writes to. Its callbacks can't raise: what fails is kept for who called it."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Raises OSError when anything that is written meanwhile can't be."""
        try:
            yield
        finally:
            if self._error is not None:
                raise self._error

    def write(self, data: bytes) -> int:
        try:
            write_all(self.file, data)
        except OSError as error:
            self._error = error
            return 0
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: memoryview) -> int:
        return self.file.readinto(buffer) or 0
