"""A track's sound, read in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_client.client import BROKER_VARIABLE
from lofi_common.api import Track
from lofi_common.errors import InvalidTrackId, LofiError

_PIECE_FRAMES = 65_536
_PEAK_DIGITS = 4


@contextmanager
def opened(track: Track) -> Iterator[soundfile.SoundFile]:
    """The track's file, for the functions below. Raises InvalidTrackId when there is none yet, LofiError when
    it can't be read."""
    if track.path is None:
        raise InvalidTrackId(
            f"track {track.track_id} has no sound: it is {track.status}",
            recovery="`lofi tracks` lists those that are complete.",
        )
    if os.environ.get(BROKER_VARIABLE) and not os.path.exists(track.path):
        raise LofiError(
            f"{track.path} lies on the broker's machine", recovery="Copy it from there, or run this there."
        )
    if not os.path.exists(track.path):
        raise InvalidTrackId(
            f"track {track.track_id} is not in the library any more: {track.path} is gone",
            recovery="The same prompt and seed make it again.",
        )
    try:
        file = soundfile.SoundFile(track.path)
    except soundfile.LibsndfileError as error:
        raise unreadable(track.path, error.error_string) from error
    with file:  # what the block does with it may fail for other reasons
        yield file


def unreadable(path: str, reason: str) -> LofiError:
    """The error of a library's file that can't be read."""
    return LofiError(
        f"{path} can't be read: {reason}",
        recovery=f"`lofi tracks rm {Path(path).stem}` removes it; the same prompt and seed make it again.",
    )


def read(file: soundfile.SoundFile, frames: int, dtype: str) -> NDArray[Any]:
    """The next [frames, channels], fewer at the end. Raises LofiError when they can't be read."""
    try:
        piece: NDArray[Any] = file.read(frames, dtype=dtype, always_2d=True)
    except soundfile.LibsndfileError as error:
        raise unreadable(file.name, error.error_string) from error
    return piece


def pieces(file: soundfile.SoundFile, frames: int = _PIECE_FRAMES) -> Iterator[NDArray[np.float32]]:
    """The rest of the file as float32 [frames, channels], the last one shorter. Raises LofiError."""
    while len(piece := read(file, frames, "float32")):
        yield piece


def peaks(file: soundfile.SoundFile, columns: int) -> list[float]:
    """The loudest sample, 0 … 1, in each of `columns` equal spans of time; of all channels.

    Raises LofiError.
    """
    edges = np.linspace(0, file.frames, columns + 1).round().astype(int)
    found = [_peak(file, int(frames)) for frames in np.diff(edges)]
    return [round(min(peak, 1.0), _PEAK_DIGITS) for peak in found]


def _peak(file: soundfile.SoundFile, frames: int) -> float:
    loudest = 0.0
    while frames and len(piece := read(file, min(frames, _PIECE_FRAMES), "float32")):
        loudest = max(loudest, float(np.abs(piece).max()))
        frames -= len(piece)
    return loudest
