"""Where bars begin, by ear, for music that does not say so: a steady tempo and four beats a bar are assumed.

Onsets (how much the bands of the spectrum rise, 100 times a second) give the beat: the lag, of 60 to 180 a
minute, at which they are most like themselves. Which beat begins a bar is told by chords, which change there,
and by low notes. A tempo that is wrong by 5:4 or 3:2 fits the onsets nearly as well, but chords change on any
of its beats: so both questions are asked together, and a weak answer is none. A tempo of half or twice as
many beats may be taken for the right one. The starter knows its bars: of 40 of its tracks of 30 s on which
the limits were set this finds 34, of 40 others 32; 13 stay open and one is wrong. Only the last 90 s are
listened to: memory stays flat, and the end is where bars are needed.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lofi_worker.engine import Bar

REMEMBERED_SEC = 90
LEAST_SEC = 6
BEATS = 4
_ONSETS = 100
"""A second."""
_CHORDS = 10
"""A second."""
_ONSET_WINDOW_SEC = 0.032
_ONSET_LAG_SEC = 0.0256
"""From the beginning of the window in which an onset shows most to the onset."""
_CHORD_WINDOW_SEC = 0.256
_BANDS = 24
_LOW_BANDS = 3
_CHORD_HERTZ = (60.0, 1000.0)
_BEAT_SEC = (60 / 180, 60 / 60)
_LIKELY_BEAT_SEC = 0.75
_CANDIDATES = 6
_FAR = 0.7
"""The longest lag that is compared, as a share of what is remembered."""
_LEAST_RISE = 0.005
"""A held tone beats with the windows, a hundred times less than the softest music: that is no rhythm."""
_LEAST_REGULAR, _LEAST_STRENGTH, _LEAST_DOWNBEAT = 0.08, 0.045, 0.46
"""What separates the tracks whose bars are found right from the others, and from noise."""

Floats = NDArray[np.floating]
Samples = NDArray[np.float32] | NDArray[np.int16]


class BarFinder:
    """Listens to what is added, in pieces of any size, and tells the bars at last."""

    def __init__(self, rate: int, expected: int) -> None:
        """rate: samples per second, 8000 at least. expected: samples of each channel that come, about."""
        self._unheard = max(0, expected - REMEMBERED_SEC * rate)
        self._to_skip = self._unheard
        self._onset_frames = _Frames(round(rate * _ONSET_WINDOW_SEC), rate // _ONSETS)
        self._chord_frames = _Frames(round(rate * _CHORD_WINDOW_SEC), rate // _CHORDS)
        self._rate = rate
        self._to_bands = _band_matrix(self._onset_frames.size, rate)
        self._in_chords, self._to_chroma = _chroma_matrix(self._chord_frames.size, rate)
        self._bands = np.zeros((0, _BANDS))
        self._seen = 0  # onset frames, those that were forgotten included
        self._onsets: deque[Floats] = deque(maxlen=REMEMBERED_SEC * _ONSETS)
        self._chords: deque[Floats] = deque(maxlen=REMEMBERED_SEC * _CHORDS)

    def add(self, pcm: Samples) -> None:
        """Take the next samples [samples, channels]; floats have full scale at 1."""
        skipped = min(self._to_skip, len(pcm))
        self._to_skip -= skipped
        if skipped == len(pcm):
            return
        mono = pcm[skipped:].mean(axis=1, dtype=np.float32)
        if pcm.dtype == np.int16:
            mono /= 32768
        for piece in np.array_split(mono, -(-len(mono) // self._rate) or 1):
            self._hear_onsets(piece)
            self._hear_chords(piece)

    def bar(self) -> Bar | None:
        """The bars of what was added so far; None where they are not sure."""
        if len(self._onsets) < LEAST_SEC * _ONSETS:
            return None
        onsets = np.stack(self._onsets)
        if onsets[:, 0].std() < _LEAST_RISE:
            return None
        per_second = self._rate / self._onset_frames.hop
        heard = _Heard(
            onsets[:, 0] - np.convolve(onsets[:, 0], np.full(_ONSETS, 1 / _ONSETS), "same"),
            onsets[:, 1],
            np.stack(self._chords),
            per_second,
            self._rate / self._chord_frames.hop,
        )
        bars = [_downbeat(heard, beat) for beat in _beats(heard)]
        found = max(bars, key=lambda each: each.strength, default=None)
        if found is None or not found.sure:
            return None
        seconds = BEATS * found.beat_sec
        forgotten = self._unheard / self._rate + (self._seen - len(onsets)) / per_second
        start = forgotten + found.start_sec + _ONSET_LAG_SEC
        return Bar(seconds, start % seconds)

    def _hear_onsets(self, mono: Floats) -> None:
        frames = self._onset_frames.take(mono)
        power = np.square(np.abs(np.fft.rfft(frames))) @ self._to_bands
        bands = np.concatenate([self._bands, np.log10(power * 1e4 + 1)])
        rises = np.maximum(np.diff(bands, axis=0), 0)
        self._bands = bands[-1:]
        self._seen += len(rises)
        self._onsets.extend(np.stack([rises.mean(axis=1), rises[:, :_LOW_BANDS].mean(axis=1)], axis=1))

    def _hear_chords(self, mono: Floats) -> None:
        spectrum = np.abs(np.fft.rfft(self._chord_frames.take(mono)))
        self._chords.extend(np.sqrt(spectrum[:, self._in_chords]) @ self._to_chroma)


class _Heard(NamedTuple):
    """What is remembered, and at which rates."""

    onsets: Floats
    low: Floats
    chroma: Floats
    """[frames, 12]"""
    per_second: float
    chroma_per_second: float

    @property
    def seconds(self) -> float:
        return len(self.onsets) / self.per_second


class _Beat(NamedTuple):
    sec: float
    likeness: float
    """How well onsets repeat after one, four and eight beats, less how well they do in between."""
    regular: float
    """The mean of the autocorrelation at all multiples."""


class _Bars(NamedTuple):
    beat_sec: float
    start_sec: float
    regular: float
    strength: float
    downbeat: float
    """The share of chord changes and low notes that fall on the first beat; 1/4 by chance."""

    @property
    def sure(self) -> bool:
        return (
            self.regular >= _LEAST_REGULAR
            and self.strength >= _LEAST_STRENGTH
            and self.downbeat >= _LEAST_DOWNBEAT
        )


class _Frames:
    """Windows of a stream, weighted after von Hann."""

    def __init__(self, size: int, hop: int) -> None:
        self.size, self.hop = size, hop
        self._weights = np.hanning(size).astype(np.float32)
        self._rest = np.zeros(0, np.float32)

    def take(self, samples: Floats) -> Floats:
        """The windows [n, size] that are whole now."""
        known = np.concatenate([self._rest, samples])
        number = max(0, (len(known) - self.size) // self.hop + 1)
        self._rest = known[number * self.hop :]
        if number == 0:
            return np.zeros((0, self.size), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(known, self.size)[:: self.hop]
        return windows[:number] * self._weights


def _band_matrix(size: int, rate: int) -> Floats:
    """[bins, _BANDS]: means over bands of equal width on the mel scale."""
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(size, 1 / rate) / 700)
    edges = np.linspace(mel[1], min(mel[-1], 3564.0), _BANDS + 1)
    inside = (mel[:, None] >= edges[:-1]) & (mel[:, None] < edges[1:])
    middle = np.abs(mel[:, None] - (edges[:-1] + edges[1:]) / 2)
    nearest = np.arange(len(mel))[:, None] == middle.argmin(axis=0)
    weights: Floats = np.where(inside.any(axis=0), inside, nearest).astype(np.float32)
    weights /= weights.sum(axis=0)
    return weights


def _chroma_matrix(size: int, rate: int) -> tuple[NDArray[np.bool_], Floats]:
    """The bins that count, and what sorts them into the twelve notes."""
    hertz = np.fft.rfftfreq(size, 1 / rate)
    counts = (hertz > _CHORD_HERTZ[0]) & (hertz < _CHORD_HERTZ[1])
    notes = np.rint(12 * np.log2(hertz[counts] / 440)).astype(int) % 12
    return counts, np.eye(12, dtype=np.float32)[notes]


def _beats(heard: _Heard) -> list[_Beat]:
    """The likeliest lengths of a beat."""
    count = len(heard.onsets)
    spectrum = np.fft.rfft(heard.onsets, 2 * count)
    products = np.fft.irfft(np.square(np.abs(spectrum)), 2 * count)[:count] / (count - np.arange(count))
    if products[0] <= 0:
        return []
    products /= products[0]
    far = _FAR * heard.seconds

    def like(lags: Floats) -> Floats:
        found: Floats = np.interp(lags * heard.per_second, np.arange(count), products)
        return found

    def likeness(beat: float) -> float:
        numbers = np.arange(1, int(min(2 * BEATS, far) / beat) + 1)
        between = like((numbers - 0.5) * beat).mean()
        bars = [float(like(np.array(n * beat))) for n in (BEATS, 2 * BEATS) if n * beat < far]
        return float(np.mean([like(numbers * beat).mean() - between / 2, *bars]))

    def regular(beat: float) -> float:
        return float(like(beat * np.arange(1, int(far / beat) + 1)).mean())

    grid = np.exp(np.arange(np.log(_BEAT_SEC[0]), np.log(_BEAT_SEC[1]), 0.003))
    likely = np.exp(-0.5 * np.square(np.log2(grid / _LIKELY_BEAT_SEC)))
    scores = np.array([likeness(beat) for beat in grid]) * likely
    peaks = [i for i in range(len(grid)) if scores[i] == scores[max(0, i - 5) : i + 6].max()]
    found = []
    for i in sorted(peaks, key=lambda i: -scores[i])[:_CANDIDATES]:
        near = grid[i] * np.exp(np.arange(-0.01, 0.01, 0.0001))
        beat = max(near, key=regular)
        found.append(_Beat(float(beat), float(scores[i]), regular(beat)))
    return found


def _downbeat(heard: _Heard, beat: _Beat) -> _Bars:
    """Which beat begins a bar, and how sure that is with beats of this length."""
    places = np.arange(0, beat.sec, 0.004)
    sums = [_at(heard.onsets, np.arange(place, heard.seconds, beat.sec), heard).mean() for place in places]
    first = float(places[int(np.argmax(sums))])
    starts = first + beat.sec * np.arange(int((heard.seconds - first) / beat.sec) - 1)
    changes = _by_phase(_chord_changes(heard, starts, beat.sec))
    near = np.arange(-4, 6) / heard.per_second
    low = _by_phase(_at(heard.low, starts[:, None] + near, heard).max(axis=1))
    shares = (2 * changes + low) / 3
    phase = int(np.argmax(shares))
    downbeat = float(shares[phase])
    strength = beat.likeness * (downbeat - 0.15)
    return _Bars(beat.sec, first + phase * beat.sec, beat.regular, strength, downbeat)


def _at(curve: Floats, seconds: Floats, heard: _Heard) -> Floats:
    found: Floats = np.interp(seconds * heard.per_second, np.arange(len(curve)), curve)
    return found


def _chord_changes(heard: _Heard, starts: Floats, beat_sec: float) -> Floats:
    """How much the notes of each beat differ from those of the beat before, 0 to 2; the first by 0."""
    middles = np.arange(len(heard.chroma)) / heard.chroma_per_second + _CHORD_WINDOW_SEC / 2
    edge = 1 / _CHORDS
    notes = []
    for start in starts + _ONSET_LAG_SEC:
        inside = (middles >= start + edge) & (middles < start + beat_sec - edge)
        mean = heard.chroma[inside].mean(axis=0) if inside.any() else np.zeros(12)
        mean = mean - mean.mean()
        notes.append(mean / max(float(np.linalg.norm(mean)), 1e-9))
    stacked = np.stack(notes)
    return np.concatenate([[0.0], 1 - (stacked[1:] * stacked[:-1]).sum(axis=1)])


def _by_phase(values: Floats) -> Floats:
    """Of each of the four beats of a bar, its share in the mean."""
    means = np.array([values[phase::BEATS].mean() for phase in range(BEATS)])
    return means / means.sum() if means.sum() > 0 else np.full(BEATS, 1 / BEATS)
