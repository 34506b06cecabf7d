"""What the engine is meant to reach on two cores, beside what it reached. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.outcome import Outcome
from benchmarks.prepare import Making
from lofi_worker.importer.precision import DEFAULT_PRECISION

DEFAULT = f"ours-{DEFAULT_PRECISION}"
INT4 = "ours-int4"


@dataclass(frozen=True)
class Goal:
    text: str
    bound: float
    at_least: bool
    figure: Callable[[Outcome], float]
    """Raises KeyError when a candidate that it compares was not measured."""

    def reached(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def _short(name: str) -> Callable[[Outcome], float]:
    return lambda outcome: outcome.figures[name].short_speed


def _long(name: str) -> Callable[[Outcome], float]:
    return lambda outcome: outcome.figures[name].long_speed


def _beside(name: str, peer: str) -> Callable[[Outcome], float]:
    return lambda outcome: outcome.figures[name].short_speed / outcome.figures[peer].short_speed


def _growth(outcome: Outcome) -> float:
    early, _, late = outcome.plan.steps
    return outcome.figures[DEFAULT].step_ms[late] / outcome.figures[DEFAULT].step_ms[early]


def _megabytes(outcome: Outcome) -> float:
    return outcome.prepared[DEFAULT].bytes / 1e6


def _eight_slots(outcome: Outcome) -> float:
    return outcome.throughput(DEFAULT, 8) / outcome.throughput(DEFAULT, 1)


def _worker_megabytes(outcome: Outcome) -> float:
    if outcome.product is None:
        raise KeyError(DEFAULT)
    return outcome.product.peak_mb


def _making(outcome: Outcome) -> Making:
    making = outcome.prepared[DEFAULT].making
    if making is None:
        raise KeyError(DEFAULT)
    return making


GOALS: tuple[Goal, ...] = (
    Goal("default precision, short track, × real time", 1.4, True, _short(DEFAULT)),
    Goal("default precision, long track, × real time", 1.25, True, _long(DEFAULT)),
    Goal("int4, short track, × real time", 2.0, True, _short(INT4)),
    Goal("int4, long track, × real time", 1.5, True, _long(INT4)),
    Goal("default beside transformers fp32, ×", 12.0, True, _beside(DEFAULT, "transformers-fp32")),
    Goal("default beside transformers bf16, ×", 4.0, True, _beside(DEFAULT, "transformers-bf16")),
    Goal("default beside plain ONNX fp32, ×", 2.5, True, _beside(DEFAULT, "onnx-fp32")),
    Goal("default beside plain dynamic int8, ×", 1.25, True, _beside(DEFAULT, "onnx-int8")),
    Goal("int4 beside plain dynamic int8, ×", 1.8, True, _beside(INT4, "onnx-int8")),
    Goal("default, last step of a long track beside an early one, ×", 1.5, False, _growth),
    Goal("default, 8 slots beside one, ×", 1.8, True, _eight_slots),
    Goal("default, the worker's peak memory in a long track, MB", 1000, False, _worker_megabytes),
    Goal("default, load, s", 2.0, False, lambda r: r.figures[DEFAULT].load),
    Goal("default, import, s", 180, False, lambda outcome: _making(outcome).seconds),
    Goal("default, import, peak MB", 3000, False, lambda outcome: _making(outcome).peak_mb),
    Goal("default, files, MB", 500, False, _megabytes),
)


def judged(outcome: Outcome) -> list[tuple[Goal, float]]:
    """Every goal whose candidates were measured, with the figure."""
    found = []
    for goal in GOALS:
        try:
            found.append((goal, goal.figure(outcome)))
        except KeyError:
            continue
    return found
