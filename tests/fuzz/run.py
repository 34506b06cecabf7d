"""Runs one target on many inputs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.inputs import damage
from tests.fuzz.targets import Target

DAMAGED = 19
"""Inputs made of each that Hypothesis builds."""
ROUND = 100 * (1 + DAMAGED)
"""Hypothesis remembers what it built in one run, so long runs are cut into rounds."""


@dataclass
class Tally:
    """What came of a target's inputs."""

    inputs: int = 0
    taken: int = 0
    seconds: float = 0.0
    slowest_sec: float = 0.0

    def try_out(self, target: Target, data: bytes, beside: Any) -> None:
        began = time.perf_counter()
        try:
            self.taken += target.take(data, beside)
        except BaseException as error:
            error.add_note(f"{target.name} was given {data!r} and {beside!r}")
            raise
        self.slowest_sec = max(self.slowest_sec, time.perf_counter() - began)
        self.inputs += 1


def fuzz(target: Target, inputs: int, first_seed: int, tally: Tally) -> None:
    """One round of about as many inputs; the first that goes wrong is raised."""
    how = settings(
        max_examples=max(1, inputs // (1 + DAMAGED)),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )

    def take(value: tuple[bytes, Any]) -> None:
        data, beside = value
        tally.try_out(target, data, beside)
        random = Random(data)
        for _ in range(DAMAGED):
            tally.try_out(target, damage(data, random), beside)

    began = time.perf_counter()
    seed(first_seed)(how(given(target.inputs)(take)))()
    tally.seconds += time.perf_counter() - began
