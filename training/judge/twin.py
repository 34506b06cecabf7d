"""The shipped figures against those of the unquantised export."""

from __future__ import annotations

from collections.abc import Mapping

from training.judge.goals import Goal
from training.judge.statistics import Figure, share

TOLERANCE = 0.03


def apart(shipped: Figure, exact: Figure) -> float:
    """Relative difference of two figures."""
    return (
        abs(shipped.value - exact.value) / max(abs(exact.value), 1e-9)
        if shipped.value != exact.value
        else 0.0
    )


def compare(
    shipped: Mapping[str, Figure], exact: Mapping[str, Figure], goals: Mapping[str, Goal]
) -> tuple[Figure, dict[str, float]]:
    """Share of the rows with a goal that lie within 3 %, and those that do not with their difference."""
    differences = {
        name: apart(shipped[name], exact[name]) for name in goals if name in shipped and name in exact
    }
    far = {name: value for name, value in differences.items() if value > TOLERANCE}
    return share(name not in far for name in differences), far
