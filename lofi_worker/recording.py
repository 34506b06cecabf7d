"""A track's files on their way to the disk: the audio, which can be played from its first second, and the
tokens. Nothing of the audio is kept in memory, however long the track is."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import CacheWriteError
from lofi_common.jobs import AudioFormat
from lofi_common.paths import sync_folder
from lofi_worker import spool
from lofi_worker.spool import BLOCK, HEADER_BYTES, SAMPLE_BYTES, Encoder, SpoolFile


class Recording:
    """`<name>.growing.wav`, which grows piece by piece, at the end `<name>.<kind>`, and `<name>.tokens`.

    Every method but `discard` raises CacheWriteError when the disk refuses; `discard` is due then.
    """

    def __init__(
        self, folder: Path, name: str, kind: AudioFormat, *, expected: int, sample_rate: int, channels: int
    ) -> None:
        """expected: samples in each channel, for the header of the growing file, which comes with `add`."""
        self._folder = folder
        self._kind = kind
        self._growing_path = folder / f"{name}.growing.wav"
        self._path = folder / f"{name}.{kind}"
        self._tokens_path = folder / f"{name}.tokens"
        self._expected = expected
        self.sample_rate = sample_rate
        self._channels = channels
        self._growing: FileIO | None = None
        self._encoder: Encoder | None = None
        self._encoded = 0
        self.samples = 0
        """In each channel."""

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    def add(self, pcm: NDArray[np.int16]) -> None:
        """Append new audio, int16 [samples, channels]."""
        with self._told():
            if self._growing is None:
                self._growing = self._growing_path.open("w+b", buffering=0)
                spool.write_all(self._growing, self._header(self._expected))
                if self._kind is not AudioFormat.WAV:
                    self._encoder = Encoder(self._path, self.sample_rate, self._channels, self._kind)
            spool.write_all(self._growing, pcm.tobytes())
            self.samples += len(pcm)
            if self._encoder is not None:
                while self.samples - self._encoded >= BLOCK:
                    self._encode(self._growing, self._encoder, BLOCK)

    def add_tokens(self, data: bytes) -> SpoolFile:
        """The file of the track's tokens, synced."""
        with self._told():
            with self._tokens_path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            return SpoolFile(self._tokens_path, len(data), hashlib.sha256(data).hexdigest())

    def finish(self) -> SpoolFile:
        """The track's file, synced, in the place of the growing one."""
        with self._told():
            assert self._growing is not None, "a track without audio"
            if self._encoder is not None:
                self._encode(self._growing, self._encoder, self.samples - self._encoded)
                self._encoder.close()
                self._encoder = None
                self._growing_path.unlink()
            else:
                self._growing.seek(0)
                spool.write_all(self._growing, self._header(self.samples))
                self._growing_path.rename(self._path)
            self._growing.close()
            with self._path.open("rb") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            sync_folder(self._folder)
            return SpoolFile(self._path, self._path.stat().st_size, digest)

    def discard(self) -> None:
        """Leave nothing of it behind."""
        with contextlib.suppress(OSError):  # the disk refuses already, and what is closed holds nothing
            if self._encoder is not None:
                self._encoder.close()
        if self._growing is not None:
            self._growing.close()
        for path in (self._growing_path, self._path, self._tokens_path):
            with contextlib.suppress(OSError):  # none there, or a disk that refuses this too
                path.unlink()

    def _encode(self, growing: FileIO, encoder: Encoder, samples: int) -> None:
        encoder.write(self._read(growing, self._encoded, samples))
        self._encoded += samples

    def _read(self, growing: FileIO, start: int, samples: int) -> NDArray[np.int16]:
        frame = self._channels * SAMPLE_BYTES
        data = os.pread(growing.fileno(), samples * frame, HEADER_BYTES + start * frame)
        return np.frombuffer(data, np.int16).reshape(-1, self._channels)

    def _header(self, samples: int) -> bytes:
        return spool.wav_header(samples, self.sample_rate, self._channels)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            told = f"the track can't be written to {self._folder}: {error.strerror}"
            raise CacheWriteError(told) from error
