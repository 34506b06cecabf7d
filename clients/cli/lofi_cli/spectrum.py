"""A track's spectrogram in numbers: decibels over time and a logarithmic frequency axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_cli.audio import pieces
from lofi_common.errors import LofiError

LOWEST_HZ = 30.0
_WINDOW_FRAMES = 4096
_LONGEST_HOP = 512
_BATCH = 64
_SILENCE = 1e-12
"""Power, −120 dB."""


class Spectrogram(NamedTuple):
    """decibels: float32 [rows, columns], the highest frequency first; a sine at full scale has 0 to 2."""

    decibels: NDArray[np.float32]
    hertz: NDArray[np.float64]
    """[rows], the frequency in the middle of each."""
    duration_sec: float


def spectrogram(file: soundfile.SoundFile, columns: int, rows: int) -> Spectrogram:
    """Of all channels together. The memory does not grow with the track's length. Raises LofiError."""
    if not file.frames:
        raise LofiError(f"{file.name} has no sound", recovery="There is nothing to draw.")
    hop = max(1, min(_LONGEST_HOP, file.frames // columns))
    total = max(1, -(-file.frames // hop))
    bins = _WINDOW_FRAMES // 2 + 1
    spans = min(columns, total)
    power = np.zeros((spans, bins), np.float32)
    counts = np.zeros(spans, np.int64)
    for start, batch in _spectra(file, hop):
        span = np.minimum(np.arange(start, start + len(batch)) * spans // total, spans - 1)
        np.add.at(power, span, batch)
        np.add.at(counts, span, 1)
    power /= counts[:, np.newaxis]
    hertz = np.geomspace(file.samplerate / 2, LOWEST_HZ, rows)
    weights = _weights(hertz, np.fft.rfftfreq(_WINDOW_FRAMES, 1 / file.samplerate))
    decibels = 10 * np.log10(np.maximum(weights @ power.T, _SILENCE))
    shown = decibels.astype(np.float32)[:, np.arange(columns) * spans // columns]
    return Spectrogram(shown, hertz, file.frames / file.samplerate)


def _spectra(file: soundfile.SoundFile, hop: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Batches of power spectra, float32 [windows, bins], each with the number of its first window.

    Window n has its middle at frame n·hop; there is silence before the start and after the end.
    """
    window = np.hanning(_WINDOW_FRAMES + 1)[:-1].astype(np.float32)
    scale = np.float32(2 / window.sum())
    half = np.zeros(_WINDOW_FRAMES // 2, np.float32)
    waiting, number = half, 0
    step = _BATCH * hop
    for piece in _padded(file, half):
        waiting = np.concatenate([waiting, piece])
        while len(waiting) >= step + _WINDOW_FRAMES:
            yield number, _power(waiting, hop, _BATCH, window * scale)
            waiting, number = waiting[step:], number + _BATCH
    left = (len(waiting) - _WINDOW_FRAMES) // hop + 1
    if left > 0:
        yield number, _power(waiting, hop, left, window * scale)


def _padded(file: soundfile.SoundFile, end: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for piece in pieces(file):
        yield piece.mean(axis=1)
    yield end


def _power(
    frames: NDArray[np.float32], hop: int, windows: int, window: NDArray[np.float32]
) -> NDArray[np.float32]:
    slices = np.lib.stride_tricks.sliding_window_view(frames, _WINDOW_FRAMES)[::hop][:windows]
    spectra = np.fft.rfft(slices * window, axis=1).astype(np.complex64, copy=False)
    return np.square(np.abs(spectra), dtype=np.float32)


def _weights(hertz: NDArray[np.float64], bins_hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    """[rows, bins]: a triangle around each row's frequency, as wide as the rows or the bins lie apart.

    What it covers is added up, as an ear does: a sine is as bright wherever it is.
    """
    apart = np.maximum(np.abs(np.gradient(hertz)), bins_hertz[1])
    distance = np.abs(bins_hertz[np.newaxis, :] - hertz[:, np.newaxis]) / apart[:, np.newaxis]
    triangles: NDArray[np.float64] = np.maximum(0.0, 1.0 - distance)
    return triangles.astype(np.float32)
