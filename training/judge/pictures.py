"""Spectrograms of ten prompts, small enough for a repository."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib import pyplot as plt
from PIL import Image

from training.judge.features import log_mel
from training.judge.pitch import RATE
from training.judge.takes import Take


def draw(takes: Sequence[Take], folder: Path) -> None:
    """One PNG a take, `01.png` on: log-mel spectrogram with the prompt above it."""
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for number, take in enumerate(takes, 1):
        bands = log_mel(take.audio, 2048, 640, 96).T
        figure, axes = plt.subplots(figsize=(7.0, 2.4), dpi=80)
        axes.imshow(
            bands, origin="lower", aspect="auto", cmap="magma", extent=(0, len(take.audio) / RATE, 0, 96)
        )
        tempo = f", {take.header.bpm} bpm" if take.header else ""
        axes.set_title(f"{take.prompt[:80]} (seed {take.seed}{tempo})", fontsize=8)
        axes.set_xlabel("seconds", fontsize=7)
        axes.set_ylabel("mel band", fontsize=7)
        axes.tick_params(labelsize=6)
        figure.tight_layout()
        canvas = io.BytesIO()
        figure.savefig(canvas, format="png")
        plt.close(figure)
        # A palette of 64 colours is a third of the size and shows the same.
        Image.open(canvas).convert("RGB").quantize(64).save(folder / f"{number:02}.png", optimize=True)
