"""The results as a picture: how fast each candidate is, and how its steps grow. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import ScalarFormatter

from benchmarks.outcome import Outcome
from benchmarks.task import FRAMES_PER_SECOND

OURS, PEER = "#1f6f8b", "#b9b4ab"


def plot(outcome: Outcome, path: Path) -> None:
    """Writes a PNG."""
    names = list(outcome.figures)
    figure, (bars, lines) = plt.subplots(
        1, 2, figsize=(12, max(4.5, 0.6 * len(names) + 2)), layout="constrained"
    )
    places = range(len(names))
    for offset, (seconds, speeds) in enumerate(
        [
            (outcome.plan.short, [each.short_speed for each in outcome.figures.values()]),
            (outcome.plan.long, [each.long_speed for each in outcome.figures.values()]),
        ]
    ):
        colors = [OURS if name.startswith("ours") else PEER for name in names]
        y = [place + 0.4 * offset for place in places]
        drawn = bars.barh(y, speeds, height=0.38, color=colors, alpha=1.0 - 0.4 * offset)
        bars.bar_label(drawn, [f" {speed:.2f} ({seconds} s)" for speed in speeds], fontsize=8)
    bars.set_yticks([place + 0.2 for place in places], names)
    bars.invert_yaxis()
    bars.axvline(1.0, color="black", linewidth=0.8, linestyle=":")
    bars.margins(x=0.2)
    bars.set_xlabel("seconds of audio per second (dotted: as fast as it plays)")
    for name, each in outcome.figures.items():
        style = "-" if name.startswith("ours") else "--"
        lines.plot(
            list(each.step_ms), list(each.step_ms.values()), style, marker="o", markersize=3, label=name
        )
    lines.set_yscale("log")
    lines.axhline(1000 / FRAMES_PER_SECOND, color="black", linewidth=0.8, linestyle=":")
    lines.set_xlabel("step")
    lines.set_ylabel("ms a step (dotted: as fast as it plays)")
    for ticks in (lines.yaxis.set_major_formatter, lines.yaxis.set_minor_formatter):
        ticks(ScalarFormatter())
    lines.legend(fontsize=8)
    for axes in (bars, lines):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{outcome.machine.cpu}, {outcome.threads} threads")
    figure.savefig(path, dpi=120)
    plt.close(figure)
