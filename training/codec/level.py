"""Makeup gains: measured on composed tracks, so that every mixture comes out about equally loud."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.attributes import BASSES, DENSITIES, DRUMS, KEYS, LEADS, TONES, Attributes
from training.codec.graph import HEADER_FIELDS, Levels, Sounds, build_codec
from training.codec.ride import TARGET_DBFS
from training.codec.stream import decode, open_codec
from training.draws import CALIBRATION_SEED, track

TRACKS = 80
BARS = 8
ROUNDS = 2  # the soft clip bends the first answer a little
RIDGE = 1.0
CHOICES: dict[str, tuple[object, ...]] = {
    "keys": KEYS, "bass": BASSES, "drums": DRUMS, "lead": LEADS, "tone": TONES,
    "pad": (False, True), "density": DENSITIES, "tape": (False, True),
}  # fmt: skip


def flat_levels() -> Levels:
    return Levels(0.0, {name: np.zeros(len(CHOICES[name]), np.float32) for name in HEADER_FIELDS})


def _one_hot(attributes: Attributes) -> NDArray[np.float64]:
    row = [[float(getattr(attributes, name) == choice) for choice in CHOICES[name]] for name in HEADER_FIELDS]
    return np.concatenate([[1.0], *row])


def loudness(audio: NDArray[np.float32]) -> float:
    """RMS level in dBFS."""
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def calibrate(sounds: Sounds) -> Levels:
    """Additive makeup gains in dB that bring composed tracks to TARGET_DBFS."""
    tracks = [track(CALIBRATION_SEED, i, bars=BARS) for i in range(TRACKS)]
    design = np.stack([_one_hot(attributes) for attributes, _ in tracks])
    solution = np.zeros(design.shape[1])
    levels = flat_levels()
    for _ in range(ROUNDS):
        session = open_codec(build_codec(sounds, levels, riding=0.0).SerializeToString())
        missing = np.array([TARGET_DBFS - loudness(decode(session, codes)[0]) for _, codes in tracks])
        penalty = RIDGE * np.eye(design.shape[1])
        penalty[0, 0] = 0
        solution += np.linalg.solve(design.T @ design + penalty, design.T @ missing)
        levels = _as_levels(solution)
    return levels


def _as_levels(solution: NDArray[np.float64]) -> Levels:
    tables, at = {}, 1
    for name in HEADER_FIELDS:
        size = len(CHOICES[name])
        tables[name] = solution[at : at + size].astype(np.float32)
        at += size
    return Levels(float(solution[0]), tables)
