"""What can be heard in a track, in numpy and scipy alone: tempo, beat, key, repetition, silence, level.

`measure` gives figures, `faults` says in words what is wrong with a track that should be music.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import stft

from training.judge.clicks import clips
from training.judge.pitch import RATE, Audio, Signal, best_scale_share, chroma, likeness

HOP_SECONDS = 0.01  # of the onset envelope
TEMPI = np.arange(56.0, 100.0, 0.25)
SILENT_RMS = 0.003  # -50 dBFS, in frames of 20 ms
LOOP_BEATS, BAR_BEATS = 16, 4


@dataclass(frozen=True, slots=True)
class Features:
    """bpm and beat: the tempo found and how clearly it beats (about 1 with drums, 0.1 in noise); in_key:
    share of the energy in the best-fitting major scale (0.58 in noise); flatness: spectral flatness, loud
    moments count more (0.56 in white noise); loop, bar: likeness to four bars and to one bar ago, 0 to 1,
    nan in short tracks; silence: share of 20 ms frames below -50 dBFS; level: RMS in dBFS; peak;
    brightness: energy from 2 to 8 kHz over that from 0.2 to 2 kHz, in dB; onsets: per second.
    """

    bpm: float
    beat: float
    in_key: float
    flatness: float
    loop: float
    bar: float
    silence: float
    level: float
    peak: float
    brightness: float
    onsets: float


def _mel_bands(size: int, bands: int) -> Signal:
    """[size // 2 + 1, bands] triangles, evenly spaced in mel from 30 Hz to 12 kHz."""
    top, bottom = (2595 * np.log10(1 + hz / 700) for hz in (12_000, 30))
    edges = 700 * (10 ** (np.linspace(bottom, top, bands + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(size, 1 / RATE)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling))


def log_mel(audio: Audio, size: int, hop: int, bands: int) -> Signal:
    """Log mel spectrum [frames, bands]."""
    _, _, spectrum = stft(audio, RATE, nperseg=size, noverlap=size - hop)
    return np.asarray(np.log(np.abs(spectrum).T * 32 @ _mel_bands(size, bands) + 1e-4))


def onset_envelope(audio: Audio) -> Signal:
    """How much louder the bands got, 100 values a second, its slow mean taken off."""
    bands = np.maximum(log_mel(audio, 1024, int(RATE * HOP_SECONDS), 40), np.log(1e-2))
    rise = np.maximum(0, np.diff(bands, axis=0)).sum(axis=1)
    return np.asarray(np.maximum(0, rise - np.convolve(rise, np.ones(50) / 50, "same")))


def tempo(envelope: Signal) -> tuple[float, float]:
    """Beats a minute (56 to 100) and clarity: the weighted autocorrelation at the beat and its multiples."""
    centred = envelope - envelope.mean()
    size = len(centred)
    power = np.abs(np.fft.rfft(centred, 2 * size)) ** 2
    correlation = np.fft.irfft(power)[:size]
    correlation = np.convolve(correlation / (correlation[0] + 1e-9), (0.25, 0.5, 0.25), "same")
    lags = 60 / TEMPI / HOP_SECONDS
    total = np.zeros(len(TEMPI))
    for multiple, weight in ((0.5, 0.5), (1, 1.0), (2, 1.0), (4, 1.0), (8, 0.5)):
        at = lags * multiple
        total += weight * np.where(at < 0.8 * size, np.interp(at, np.arange(size), correlation), 0)
    best = int(total.argmax())
    return float(TEMPI[best]), float(total[best])


def frame_rms(audio: Audio) -> Signal:
    """RMS of each 20 ms frame."""
    size = RATE // 50
    frames = audio[: len(audio) // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def brightness(audio: Audio) -> float:
    """Energy from 2 to 8 kHz over that from 0.2 to 2 kHz, in dB."""
    hertz, _, spectrum = stft(audio, RATE, nperseg=2048)
    power = (np.abs(spectrum) ** 2).sum(axis=1)
    high, middle = (power[(hertz > a) & (hertz <= b)].sum() for a, b in ((2_000, 8_000), (200, 2_000)))
    return float(10 * np.log10((high + 1e-14) / (middle + 1e-14)))


def measure(audio: Audio, bpm: float | None = None) -> Features:
    """All figures of a mono track at 32 kHz, 5 s or more; repetition is measured at `bpm` where given."""
    envelope = onset_envelope(audio)
    found, beat = tempo(envelope)
    table, energy = chroma(audio)
    seconds = 60 / (bpm or found)
    rms = frame_rms(audio)
    _, _, spectrum = stft(audio, RATE, nperseg=2048)
    power = (np.abs(spectrum) ** 2)[1:] + 1e-14
    loudness = power.sum(axis=0)
    flat = np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0)
    peaks = (envelope[1:-1] > envelope[:-2]) & (envelope[1:-1] >= envelope[2:]) & (envelope[1:-1] > 6.0)
    return Features(
        bpm=found,
        beat=beat,
        in_key=best_scale_share(table, energy),
        flatness=float((flat * loudness).sum() / loudness.sum()),
        loop=likeness(table, LOOP_BEATS * seconds),
        bar=likeness(table, BAR_BEATS * seconds),
        silence=float((rms < SILENT_RMS).mean()),
        level=float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12)),
        peak=float(np.abs(audio).max()),
        brightness=brightness(audio),
        onsets=float(peaks.sum() / (len(audio) / RATE)),
    )


def faults(audio: Audio, bpm: float | None = None) -> list[str]:
    """What keeps a track from being music; empty for a good one. `bpm`: what its drums should have."""
    return faults_heard(measure(audio, bpm), audio, bpm)


def faults_heard(f: Features, audio: Audio, bpm: float | None) -> list[str]:
    """See `faults`, of a track that is measured already."""
    found = []
    if not np.isfinite(audio).all():
        return ["not finite"]
    if clips(audio):
        found.append(f"clips: peak {f.peak:.3f}")
    if f.silence > 0.05:
        found.append(f"silent for {f.silence:.0%} of the time")
    if not -26 < f.level < -13:
        found.append(f"level {f.level:.1f} dBFS")
    if f.flatness > 0.2:
        found.append(f"noise: spectral flatness {f.flatness:.2f}")
    if f.in_key < 0.75:
        found.append(f"no key: {f.in_key:.2f} of the energy in the best scale")
    if f.beat < 0.07:
        found.append(f"nothing recurs in time: beat clarity {f.beat:.2f}")
    if bpm is not None and abs(f.bpm / bpm - 1) > 0.04:
        found.append(f"tempo {f.bpm:.1f} instead of {bpm:.1f}")
    if f.bar > 0.985:
        found.append(f"one bar for ever: likeness {f.bar:.3f}")
    return found
