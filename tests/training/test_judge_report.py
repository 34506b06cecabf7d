"""Goals, intervals, variety and the twin: the judge's arithmetic finds what falls short."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.attributes import Attributes, sample_attributes
from training.judge.goals import FILES, LONG, MUSIC, PROMPTS, Goal
from training.judge.openness import FIELDS, variety
from training.judge.report import Section, shown, table, write
from training.judge.statistics import Figure, frechet, share, single, tally
from training.judge.twin import compare

NOTHING = Figure(float("nan"), float("nan"), float("nan"), 0)


@pytest.mark.parametrize(
    ("goal", "value", "real", "reached"),
    [
        (Goal(low=0.97), 0.97, None, True),
        (Goal(low=0.97), 0.96, None, False),
        (Goal(high=0.01), 0.02, None, False),
        (Goal(low=-20, high=-17), -18.0, None, True),
        (Goal(low=-20, high=-17), -16.0, None, False),
        (Goal(near=0.05), 0.93, 0.98, True),
        (Goal(near=0.05), 1.0, 0.9, False),
        (Goal(near=0.05), 1.0, None, False),
        (Goal(behind=0.05), 1.0, 0.9, True),
        (Goal(behind=0.05), 0.8, 0.9, False),
    ],
)
def test_a_goal_is_reached_or_not(goal: Goal, value: float, real: float | None, reached: bool) -> None:
    assert goal.reached(single(value), None if real is None else single(real)) is reached


def test_what_was_not_measured_reaches_no_goal() -> None:
    assert not Goal(low=0).reached(NOTHING, None)
    assert not Goal(near=1).reached(single(0), NOTHING)


def test_every_goal_can_be_said() -> None:
    for goals in (MUSIC, PROMPTS, LONG, FILES):
        assert all(str(goal).strip() for goal in goals.values())
    assert [str(g) for g in (Goal(low=0.97), Goal(high=2), Goal(near=0.05))] == [
        "≥ 0.97",
        "≤ 2",
        "real ± 0.05",
    ]


def test_the_report_has_the_goal_beside_the_figure_and_names_what_falls_short(tmp_path: Path) -> None:
    section = Section(
        "Music",
        {"int8": {"kick_on_1": single(0.8), "silence": single(0.004)}, "real": {"kick_on_1": single(1.0)}},
        {name: MUSIC[name] for name in ("kick_on_1", "silence", "frechet")},
        "Few takes.",
    )
    lines = table(section).splitlines()
    assert lines[2].startswith("| kick on 1 | real ± 0.05 | **no** |")
    assert lines[3].startswith("| silence | ≤ 0.01 | yes |")
    assert lines[4] == "| frechet | ≤ 12 | **no** |  | not measured | – |"
    assert write(tmp_path, {"nothing": float("nan")}, [section]) == ["Music: kick_on_1", "Music: frechet"]
    written = json.loads((tmp_path / "judge.json").read_text())
    assert written["sections"]["Music"]["reached"] == {
        "kick_on_1": False,
        "silence": True,
        "frechet": False,
    }
    assert written["nothing"] is None
    report = (tmp_path / "judge.md").read_text()
    assert "1 of 3 goals reached" in report
    assert report.endswith("\n\nFew takes.\n")


def test_results_are_tallied_as_shares_and_means_with_their_uncertainty() -> None:
    figures = tally(
        [{"right": True, "level": -18.0}, {"right": False, "level": -17.0}, {"level": float("nan")}]
    )
    assert (figures["right"].value, figures["right"].count) == (0.5, 2)
    assert (figures["level"].value, figures["level"].count) == (-17.5, 2)
    assert share([True] * 60).low == pytest.approx(0.94, abs=0.005)
    assert shown(share([])) == "–"


def test_a_model_that_always_draws_the_same_has_no_variety() -> None:
    drawn = [sample_attributes(np.random.default_rng(i)) for i in range(400)]
    prior: dict[str, list[Hashable]] = {name: [getattr(a, name) for a in drawn] for name in FIELDS}
    others = [sample_attributes(np.random.default_rng(1_000 + i)) for i in range(160)]
    assert min(variety(others, prior).values()) > 0.85
    stuck: list[Attributes] = [replace(a, keys="piano", key=2) for a in others]
    found = variety(stuck, prior)
    assert found["keys"] == found["key"] == 0
    assert found["lead"] > 0.85


def test_spectra_of_another_kind_lie_far() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(400, 8)), rng.normal(size=(400, 8))
    assert frechet(first, second) < 0.5 < 5 < frechet(first, second + 1)


def test_rows_that_quantisation_changed_are_named() -> None:
    goals = {"kick_on_1": Goal(near=0.05), "silence": Goal(high=0.01), "frechet": Goal(high=12)}
    shipped = {"kick_on_1": single(0.98), "silence": single(0.0), "frechet": single(9.0)}
    exact = {"kick_on_1": single(1.0), "silence": single(0.0), "frechet": single(8.0)}
    within, far = compare(shipped, exact, goals)
    assert within.value == pytest.approx(2 / 3)
    assert far == {"frechet": pytest.approx(0.125)}
