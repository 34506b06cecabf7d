"""Figures with their uncertainty, and the distance between two sets of tracks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from training.judge.features import log_mel
from training.judge.pitch import RATE, Audio

Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, its 95 % confidence interval and how many cases it rests on."""

    value: float
    low: float
    high: float
    count: int


def share(hits: Iterable[bool]) -> Figure:
    """A proportion with Wilson's interval."""
    results = list(hits)
    n = len(results)
    if n == 0:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    p = sum(results) / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Figure(p, max(0.0, float(centre - half)), min(1.0, float(centre + half)), n)


def mean(values: Iterable[float]) -> Figure:
    """A mean with the bootstrap's interval; nan values are left out."""
    known = np.array([v for v in values if not np.isnan(v)])
    if not len(known):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    draws = np.random.default_rng(0).choice(known, (500, len(known))).mean(axis=1)
    low, high = np.percentile(draws, (2.5, 97.5))
    return Figure(float(known.mean()), float(low), float(high), len(known))


def tally(rows: Iterable[Mapping[str, bool | float]]) -> dict[str, Figure]:
    """Names in rows of results -> the share of what is true or false, the mean of what is a number."""
    gathered: dict[str, list[bool | float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            gathered[name].append(value)
    return {
        name: share(map(bool, values)) if isinstance(values[0], bool) else mean(values)
        for name, values in gathered.items()
    }


def single(value: float, count: int = 1) -> Figure:
    """A figure that rests on no draw."""
    return Figure(value, value, value, count)


def entropy(values: Sequence[Hashable]) -> float:
    """Of the empirical distribution, in nat."""
    counts = np.array(list(Counter(values).values()), np.float64)
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum())


def spectral_statistics(tracks: Iterable[Audio]) -> NDArray[np.float64]:
    """[seconds, 128]: mean and deviation of 64 log-mel bands in each second."""
    rows = []
    for audio in tracks:
        bands = log_mel(audio, 2048, RATE // 50, 64)
        seconds = bands[: len(bands) // 50 * 50].reshape(-1, 50, 64)
        rows.append(np.concatenate([seconds.mean(axis=1), seconds.std(axis=1)], axis=1))
    return np.concatenate(rows)


def frechet(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Fréchet distance between two Gaussians fitted to spectral statistics."""
    ridge = 1e-5 * np.eye(a.shape[1])
    first, second = np.cov(a.T) + ridge, np.cov(b.T) + ridge
    root = np.real(sqrtm(first @ second))
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(gap @ gap + np.trace(first + second - 2 * root))
