"""A finished track on disk: encoded, written and synced under its attempt's own name."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_common.errors import CacheWriteError
from lofi_common.jobs import AudioFormat
from lofi_worker.ogg import with_serial

_SUBTYPES = {
    AudioFormat.WAV: "PCM_16",
    AudioFormat.FLAC: "PCM_16",
    AudioFormat.OGG: "VORBIS",
    AudioFormat.MP3: "MPEG_LAYER_III",
}
_BLOCK_FRAMES = 32_000


class SpoolFile(NamedTuple):
    path: Path
    bytes: int
    sha256: str


def to_pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """float [channels, samples] in −1 … 1 to int16 [samples, channels]."""
    clipped = np.clip(audio, -1.0, 1.0)
    return np.ascontiguousarray(np.rint(clipped * 32767.0).astype(np.int16).T)


def encode(pcm: NDArray[np.int16], sample_rate: int, kind: AudioFormat) -> bytes:
    """The bytes of an audio file holding int16 [samples, channels]: the same for the same samples."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", sample_rate, pcm.shape[1], subtype=_SUBTYPES[kind], format=kind.upper()
    ) as file:
        # In blocks: libsndfile's Vorbis encoder overflows its stack on very long writes.
        for start in range(0, len(pcm), _BLOCK_FRAMES):
            file.write(pcm[start : start + _BLOCK_FRAMES])
    data = buffer.getvalue()
    return with_serial(data, zlib.crc32(pcm.tobytes())) if kind is AudioFormat.OGG else data


def write(spool: Path, name: str, data: bytes) -> SpoolFile:
    """Write and sync `data`; nothing is left behind on failure. Raises CacheWriteError."""
    path = spool / name
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):  # none there, or a disk that refuses this too
            path.unlink()
        raise CacheWriteError(f"the track can't be written to {spool}: {error.strerror}") from error
    return SpoolFile(path, len(data), hashlib.sha256(data).hexdigest())
