"""Holds the judge's own runs against the engine that users run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lofi_common.manifest import read_model
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings
from training.judge.pitch import Audio
from training.judge.statistics import Figure, share
from training.judge.takes import Take

TOLERANCE = 1e-4


def engine_track(folder: Path, prompt: str, seed: int, seconds: int) -> Audio:
    """A track from the engine with the model's own settings, float32 [samples]. Raises the engine's error."""
    model = read_model(folder)
    engine = load_engine(model, slots=1, settings=RunSettings(threads=1))
    engine.start(0, model.job(prompt, seconds, seed))
    pieces: list[Audio] = []
    while True:
        result = engine.step()[0]
        if result.error is not None:
            raise result.error
        if result.audio is not None:
            pieces.append(result.audio[0])
        if result.finished:
            return np.concatenate(pieces)


def same_as_engine(folder: Path, takes: Sequence[Take], seconds: int) -> Figure:
    """Share of takes whose audio the engine gives too."""
    hits = []
    for take in takes:
        audio = engine_track(folder, take.prompt, take.seed, seconds)
        hits.append(len(audio) == len(take.audio) and bool(np.abs(audio - take.audio).max() < TOLERANCE))
    return share(hits)
