"""How well one place of a sound leads into another: the jump that an ear notices where they are joined."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW_SEC = 0.05
BANDS = 24
_HIGHEST_HERTZ = 12_000
_FLOOR = 1e-8
"""Of power: −80 dBFS; what is softer is all the same."""
_AT_ONCE = 1024
"""Windows: 6 MB."""

Floats = NDArray[np.floating]


class Jump(NamedTuple):
    """What changes from the last 50 ms before a joint to the first behind it, in dB."""

    spectrum: Floats
    """Root mean square over the bands of a log-mel spectrum."""
    level: Floats


class Ear:
    """Hears spectra of one sample rate."""

    def __init__(self, rate: int) -> None:
        self.window = round(rate * WINDOW_SEC)
        self._weights = np.hanning(self.window).astype(np.float32)
        self._to_bands = _band_matrix(self.window, rate)

    def jumps(self, sound: Floats, ends: NDArray[np.int64], starts: NDArray[np.int64]) -> Jump:
        """From each place `ends` in sound [samples], heard up to there, to its place in `starts`.

        Where a window reaches over an edge of the sound there is silence.
        """
        windows = _windows(sound, self.window, self.window)
        pieces = []
        for first in range(0, max(1, len(ends)), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            before, after = windows[ends[part]], windows[starts[part] + self.window]
            spectrum = np.sqrt(np.square(self.bands(before) - self.bands(after)).mean(axis=1))
            pieces.append((spectrum, np.abs(_level(before) - _level(after))))
        return Jump(*(np.concatenate(each) for each in zip(*pieces, strict=True)))

    def bands(self, windows: Floats) -> Floats:
        """Log-mel spectra in dB, [n, BANDS], of windows [n, self.window]."""
        power = np.square(np.abs(np.fft.rfft(windows * self._weights))) @ self._to_bands
        found: Floats = 10 * np.log10(power + _FLOOR)
        return found

    def course(self, sound: Floats, hop: int) -> Floats:
        """Log-mel spectra, [n, BANDS], around each hop-th sample."""
        windows = _windows(sound, self.window, self.window // 2)[::hop]
        return np.concatenate(
            [self.bands(piece) for piece in np.array_split(windows, len(windows) // 4096 + 1)]
        )


def _windows(sound: Floats, size: int, silence: int) -> Floats:
    """A view of each window [n, size], of a copy of sound [samples] between so many samples of silence."""
    padded = np.zeros(silence + len(sound) + silence, np.float32)
    padded[silence : silence + len(sound)] = sound
    return np.lib.stride_tricks.sliding_window_view(padded, size)


def _level(windows: Floats) -> Floats:
    level: Floats = 10 * np.log10(np.square(windows).mean(axis=1) + _FLOOR)
    return level


def _band_matrix(size: int, rate: int) -> Floats:
    """[bins, BANDS]: means over bands of equal width on the mel scale, at the size of a full-scale sine."""
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(size, 1 / rate) / 700)
    edges = np.linspace(mel[1], min(mel[-1], 2595 * np.log10(1 + _HIGHEST_HERTZ / 700)), BANDS + 1)
    inside = (mel[:, None] >= edges[:-1]) & (mel[:, None] < edges[1:])
    nearest = np.abs(mel[:, None] - (edges[:-1] + edges[1:]) / 2).argmin(axis=0)
    for band in np.flatnonzero(~inside.any(axis=0)):
        inside[nearest[band], band] = True
    weights: Floats = inside / inside.sum(axis=0) / (size**2 / 8)
    return weights.astype(np.float32)
