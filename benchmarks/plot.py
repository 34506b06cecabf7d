"""The results as a picture: speed, how steps grow, tracks side by side. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.outcome import Outcome
from benchmarks.report import counted
from benchmarks.task import FRAMES_PER_SECOND

OURS, PEER = "#1f6f8b", "#b9b4ab"


def plot(outcome: Outcome, path: Path) -> None:
    """Writes a PNG."""
    rows = 2 if outcome.slots else 1
    size = (12, max(3.8 * rows, 0.6 * len(outcome.figures) + 2))
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(rows, 2)
    colors = {name: f"C{i}" for i, name in enumerate(outcome.figures)}
    _speeds(figure.add_subplot(grid[:, 0]), outcome)
    _step_times(figure.add_subplot(grid[0, 1]), outcome, colors)
    if outcome.slots:
        _throughput(figure.add_subplot(grid[1, 1]), outcome, colors)
    for panel in figure.axes:
        panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{outcome.machine.cpu}, {counted(outcome.threads, 'thread')}")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _speeds(axes: Axes, outcome: Outcome) -> None:
    """Two bars a candidate: short and long track."""
    names, found = list(outcome.figures), list(outcome.figures.values())
    short, long = outcome.plan.short, outcome.plan.long
    bars = [
        ([each.short_speed for each in found], [f" {each.short_speed:.2f} ({short} s)" for each in found]),
        (
            [each.long_speed for each in found],
            [f" {'≈ ' * each.long_is_estimate}{each.long_speed:.2f} ({long} s)" for each in found],
        ),
    ]
    shades = [OURS if name.startswith("ours") else PEER for name in names]
    for number, (speeds, labels) in enumerate(bars):
        places = [place + 0.4 * number for place in range(len(names))]
        drawn = axes.barh(places, speeds, height=0.38, color=shades, alpha=1.0 - 0.4 * number)
        axes.bar_label(drawn, labels, fontsize=8)
    axes.set_yticks([place + 0.2 for place in range(len(names))], names)
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=0.8, linestyle=":", zorder=0)
    axes.margins(x=0.2)
    axes.set_xlabel("seconds of audio per second (dotted: as fast as it plays)")


def _step_times(axes: Axes, outcome: Outcome, colors: dict[str, str]) -> None:
    for name, each in outcome.figures.items():
        steps, times = list(each.step_ms), list(each.step_ms.values())
        style = "o-" if name.startswith("ours") else "o--"
        axes.plot(steps, times, style, color=colors[name], label=name, markersize=3)
    axes.set_yscale("log")
    axes.axhline(1000 / FRAMES_PER_SECOND, color="black", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel("step")
    axes.set_ylabel("ms a step (dotted: as fast as it plays)")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))


def _throughput(axes: Axes, outcome: Outcome, colors: dict[str, str]) -> None:
    for name, by_slots in outcome.slots.items():
        counts = sorted(by_slots)
        speeds = [outcome.throughput(name, count) for count in counts]
        axes.plot(counts, speeds, "o-", color=colors[name], label=name, markersize=3)
        axes.annotate(
            f"{speeds[-1]:.2f}", (counts[-1], speeds[-1]), (5, -3), textcoords="offset points", fontsize=8
        )
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted({count for by_slots in outcome.slots.values() for count in by_slots}))
    axes.set_xlabel("tracks side by side")
    axes.set_ylabel("seconds of audio per second, all tracks")
    axes.legend(fontsize=8)
