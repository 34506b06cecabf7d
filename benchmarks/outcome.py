"""Everything that a run of the benchmark found: what is kept as results.json."""

from __future__ import annotations

import statistics

import msgspec

from benchmarks.figures import Figures, Plan
from benchmarks.machine import Machine
from benchmarks.prepare import Prepared
from benchmarks.product import Product


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    date: str
    machine: Machine
    threads: int
    spin: bool
    """Whether lofi's waiting threads spin, by default: so it was measured."""
    nice: int
    """Niceness of lofi's worker, by default: so it was measured. The peers run with none."""
    checkpoint: str
    """What was run, in words."""
    standard: bool
    """The random musicgen-small and tracks of the standard lengths: what the goals are about."""
    plan: Plan
    bandwidth: dict[int, float]
    """GB/s by threads: the median over the rounds."""
    versions: dict[str, str]
    prepared: dict[str, Prepared]
    """By candidate, as all that follows."""
    figures: dict[str, Figures]
    slots: dict[str, dict[int, list[float]]]
    """Seconds of audio per second by tracks side by side, in each round."""
    product: Product | None
    """The default precision behind a broker; None where that was not measured."""
    missing: dict[str, list[str]]
    """Candidates that were left out, and what this machine lacks for them."""
    failed: dict[str, str]
    """What failed, a candidate or one of its measurements, and why."""

    def throughput(self, name: str, slots: int) -> float:
        """Seconds of audio per second over so many tracks side by side: the median over the rounds."""
        return statistics.median(self.slots[name][slots])

    def reached(self, name: str) -> float:
        """The fraction of the memory's limit at which the candidate reads its weights, early in a track."""
        early = self.plan.steps[0]
        seconds = self.figures[name].step_ms[early] / 1000
        return self.prepared[name].step_bytes / seconds / 1e9 / self.bandwidth[self.threads]
