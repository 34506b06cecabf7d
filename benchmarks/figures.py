"""From measurements to figures. Pure.

Every figure is the median over the rounds of what each round gave.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from benchmarks.task import FRAMES_PER_SECOND, WINDOW, Measurement, Span, Track, Window, steps_for

EARLY_STEP = 50
STRETCH = 100
"""Steps that throughput is measured over: the codec runs in two of them."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The lengths of the tracks in seconds, and with them the steps at which step times are compared."""

    short: int = 10
    long: int = 30

    @property
    def steps(self) -> tuple[int, int, int]:
        return EARLY_STEP, self.short * FRAMES_PER_SECOND, self.long * FRAMES_PER_SECOND

    @property
    def stretch(self) -> Span:
        """The steps around the middle of the short track, by which tracks side by side are measured."""
        middle = self.short * FRAMES_PER_SECOND // 2
        half = min(STRETCH // 2, middle)
        return Span(first=middle - half, last=middle + half)

    @property
    def end(self) -> Span:
        """The last steps of the long track."""
        steps = steps_for(self.long)
        return Span(first=steps - WINDOW, last=steps)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a candidate. Times in seconds, step times in milliseconds."""

    rounds: int
    short_speed: float
    """Seconds of audio per second, for the short track."""
    short_speeds: list[float]
    """The same for each round."""
    long_speed: float
    long_is_estimate: bool
    """The long track was not generated whole: its steps' times are interpolated between measured ones."""
    step_ms: dict[int, float]
    """By step."""
    first_audio: float
    """From the request to the first audio that can be heard, in a short track."""
    codec: float
    """What decoding a short track's codes took after its last step."""
    imports: float
    load: float
    peak_mb: float


def figures(measurements: Sequence[Measurement], plan: Plan) -> Figures:
    """All figures of one candidate, from its measurements with one slot."""
    shorts = [_track(each, plan.short) for each in measurements]
    short_speeds = [track.seconds / track.total for track in shorts]
    return Figures(
        rounds=len(measurements),
        short_speed=statistics.median(short_speeds),
        short_speeds=short_speeds,
        long_speed=plan.long / _median(measurements, lambda each: _long_total(each, plan)),
        long_is_estimate=any(each.window is not None for each in measurements),
        step_ms={
            step: 1000 * statistics.median(_step_time(each, plan, step) for each in measurements)
            for step in dict.fromkeys(plan.steps)
        },
        first_audio=statistics.median(track.first_audio for track in shorts),
        codec=statistics.median(track.codec for track in shorts),
        imports=_median(measurements, lambda each: each.imports),
        load=_median(measurements, lambda each: each.load),
        peak_mb=_median(measurements, lambda each: each.peak_mb),
    )


def throughput(measurement: Measurement, plan: Plan) -> float:
    """Seconds of audio per second over all slots, in the plan's stretch of steps."""
    if measurement.slots == 1:
        times = _track(measurement, plan.short).step_times[plan.stretch.first : plan.stretch.last]
    else:
        assert measurement.window is not None
        times = measurement.window.step_times
    return measurement.slots * len(times) / FRAMES_PER_SECOND / sum(times)


def _median(measurements: Sequence[Measurement], figure: Callable[[Measurement], float]) -> float:
    return statistics.median(figure(each) for each in measurements)


def _track(measurement: Measurement, seconds: int) -> Track:
    return next(track for track in measurement.tracks if track.seconds == seconds)


def _step_time(measurement: Measurement, plan: Plan, step: int) -> float:
    """The median over the WINDOW steps that end at this one."""
    if step <= plan.short * FRAMES_PER_SECOND:
        times = _track(measurement, plan.short).step_times
    elif measurement.window is not None:
        return statistics.median(measurement.window.step_times)
    else:
        times = _track(measurement, plan.long).step_times
    return statistics.median(times[max(0, step - WINDOW) : step])


def _long_total(measurement: Measurement, plan: Plan) -> float:
    if measurement.window is None:
        return _track(measurement, plan.long).total
    return _estimate(_track(measurement, plan.short), measurement.window, plan, measurement)


def _estimate(short: Track, window: Window, plan: Plan, measurement: Measurement) -> float:
    """Seconds that a long track would take.

    What precedes the steps, and the first step, are the short track's; decoding is the window's; the steps
    between lie on straight lines between those that were measured.
    """
    before = short.total - short.codec - sum(short.step_times)
    known = [_step_time(measurement, plan, step) for step in plan.steps]
    steps = np.interp(np.arange(2, steps_for(plan.long) + 1), plan.steps, known)
    return before + short.step_times[0] + float(steps.sum()) + window.codec
