"""A whole file, decoded piece by piece: wav, flac, ogg and mp3."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import miniaudio
import numpy as np

from lofi_common.errors import InvalidTrackId
from lofi_player.sound import CHANNELS, SILENCE, Frames

_AT_ONCE = 8192


class Source:
    """A Sound. The decoder is called without miniaudio's Python generator, which can't seek.

    miniaudio decodes what libsndfile would, to the sample, but libsndfile's Python binding seeks after each
    read, which an mp3 decoder can be heard to do.
    """

    whole = True

    def __init__(self, path: str) -> None:
        """Raises InvalidTrackId when there is no sound to be had from it."""
        self._name = Path(path).name
        try:
            info = miniaudio.get_file_info(path)
        except FileNotFoundError as error:
            raise InvalidTrackId(f"{self._name} can't be played: it is gone") from error
        except miniaudio.DecodeError as error:
            raise InvalidTrackId(f"{self._name} can't be played: no sound of a known kind") from error
        self.sample_rate: int = info.sample_rate
        self.frames: int = info.num_frames
        self._skips = info.file_format == miniaudio.FileFormat.MP3
        self._at = 0
        if not self.frames:
            raise InvalidTrackId(f"{self._name} can't be played: it holds no sound")
        self._decoder = self._open(path)

    def _open(self, path: str) -> Any:
        ffi, lib = miniaudio.ffi, miniaudio.lib
        decoder = ffi.new("ma_decoder *")
        config = lib.ma_decoder_config_init(miniaudio.SampleFormat.FLOAT32.value, CHANNELS, self.sample_rate)
        if sys.platform == "win32":
            name = ffi.new("wchar_t[]", path)
            result = lib.ma_decoder_init_file_w(name, ffi.addressof(config), decoder)
        else:
            result = lib.ma_decoder_init_file(os.fsencode(path), ffi.addressof(config), decoder)
        if result:
            raise InvalidTrackId(f"{self._name} can't be played: no sound of a known kind")
        return decoder

    @property
    def duration_sec(self) -> float:
        return self.frames / self.sample_rate

    def ready(self) -> int:
        return self.frames

    def read(self, frames: int) -> Frames:
        parts = []
        left = min(frames, self.frames - self._at)
        while left:
            part = self._decode(min(left, _AT_ONCE))
            if not len(part):
                raise InvalidTrackId(
                    f"{self._name} is damaged: its sound ends after {self._at / self.sample_rate:.1f} s"
                )
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else SILENCE

    def _decode(self, frames: int) -> Frames:
        """At most so many; none at the end and at a place that can't be decoded."""
        ffi = miniaudio.ffi
        out = np.empty((frames, CHANNELS), np.float32)
        count = ffi.new("ma_uint64 *")
        miniaudio.lib.ma_decoder_read_pcm_frames(
            self._decoder, ffi.cast("void *", out.ctypes.data), frames, count
        )
        return out[: count[0]]

    def seek(self, frame: int) -> None:
        """Within the file. In an mp3 miniaudio's own way leads to a wrong place (dr_mp3 after some reading),
        so it is decoded up to there: about 60 ms for 100 s."""
        start = 0 if self._skips else frame
        if miniaudio.lib.ma_decoder_seek_to_pcm_frame(self._decoder, start):
            raise InvalidTrackId(
                f"{self._name} is damaged: {frame / self.sample_rate:.1f} s can't be reached"
            )
        self._at = start
        while self._at < frame:
            self.read(min(frame - self._at, _AT_ONCE))

    def close(self) -> None:
        if self._decoder is not None:
            miniaudio.lib.ma_decoder_uninit(self._decoder)
            self._decoder = None
