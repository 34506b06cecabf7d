"""What an export may change about a track's sound: its loudness, and how it begins and ends."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_cli.audio import pieces
from lofi_common.api import Track
from lofi_common.errors import InvalidParams, LofiError

CEILING_DBFS = -1.0


class Shape(NamedTuple):
    """What is wanted of every track of an export; nothing, by default.

    Fades are seconds, and follow half a cosine.
    """

    loudness_lufs: float | None = None
    fade_in: float = 0.0
    fade_out: float = 0.0


NO_CHANGE = Shape()


class Shaper(NamedTuple):
    """A shape for one file."""

    gain_db: float
    missed_lu: float
    """How much louder the file should be than its peaks allow."""
    fade_in: int
    fade_out: int
    """In samples."""
    frames: int
    """Of the file."""

    def told(self, track: Track) -> str:
        """Why a file is softer than it was wanted."""
        assert track.loudness_lufs is not None
        reached = track.loudness_lufs + self.gain_db
        return (
            f"track {track.track_id} reaches {reached:.1f} LUFS: louder, its peaks would exceed"
            f" {CEILING_DBFS:g} dBFS"
        )

    def shaped(self, piece: NDArray[np.float32], start: int) -> NDArray[np.float32]:
        """A piece [frames, channels] of the file from frame `start` on, as it is to be."""
        place = np.arange(start, start + len(piece)) + 0.5
        gain = np.full(len(piece), 10 ** (self.gain_db / 20))
        for length, inside in ((self.fade_in, place), (self.fade_out, self.frames - place)):
            if length:
                gain *= 0.5 - 0.5 * np.cos(np.pi * np.clip(inside / length, 0, 1))
        shaped: NDArray[np.float32] = (piece * gain[:, np.newaxis]).astype(np.float32)
        return shaped


def shaper_for(shape: Shape, track: Track, source: soundfile.SoundFile) -> Shaper:
    """How this track gets that shape: reads the file once for its peak, and turns it back to its start.

    No sample may exceed CEILING_DBFS: a track that would is left as much softer than wanted.
    Raises InvalidParams when the fades are longer than the track, LofiError when its loudness is unknown or
    it can't be read.
    """
    seconds = source.frames / source.samplerate
    if shape.fade_in + shape.fade_out > seconds:
        raise InvalidParams(
            f"track {track.track_id} lasts {seconds:.1f} s, less than its fades",
            recovery="Ask for shorter fades.",
        )
    gain = missed = 0.0
    if shape.loudness_lufs is not None:
        if track.loudness_lufs is None:
            raise LofiError(
                f"the loudness of track {track.track_id} is not known: it is silent, or an old one",
                recovery="Make it again, or leave --loudness out.",
            )
        peak = max((float(np.abs(piece).max()) for piece in pieces(source)), default=0.0)
        source.seek(0)
        wanted = shape.loudness_lufs - track.loudness_lufs
        gain = min(wanted, CEILING_DBFS - 20 * math.log10(max(peak, 1e-9)))
        missed = wanted - gain
    fade_in, fade_out = (round(sec * source.samplerate) for sec in (shape.fade_in, shape.fade_out))
    return Shaper(gain, missed, fade_in, fade_out, source.frames)
