"""The judge's results as JSON and as tables with the goal beside each figure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.judge.goals import Goal
from training.judge.statistics import Figure


@dataclass(frozen=True, slots=True)
class Section:
    """Columns of figures; the first is the judged one, "real" the composer's own. note: put below."""

    title: str
    columns: Mapping[str, Mapping[str, Figure]]
    goals: Mapping[str, Goal]
    note: str = ""

    def reached(self) -> dict[str, bool]:
        """Rows with a goal -> whether the judged figure reaches it; a figure that is missing does not."""
        judged = next(iter(self.columns.values()))
        real = self.columns.get("real", {})
        return {
            name: name in judged and goal.reached(judged[name], real.get(name))
            for name, goal in self.goals.items()
        }


def plain(value: Any) -> Any:
    """For JSON: figures and sections as dicts, nan as null, floats to five digits."""
    if isinstance(value, Figure):
        return plain(asdict(value))
    if isinstance(value, Section):
        goals = {name: str(goal) for name, goal in value.goals.items()}
        return plain({"figures": value.columns, "goals": goals, "reached": value.reached()})
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 5)
    return value


def shown(figure: Figure | None) -> str:
    """A figure with its interval, as in a table."""
    if figure is None or math.isnan(figure.value):
        return "–"
    digits = 1 if abs(figure.value) >= 3 else 3 if abs(figure.value) < 0.1 else 2
    value, low, high = (f"{v:.{digits}f}" for v in (figure.value, figure.low, figure.high))
    return value if low == high else f"{value} ({low}–{high})"


def table(section: Section) -> str:
    """Markdown: a row a measure, a column a set of takes; n is how many cases the judged figure rests on."""
    judged = next(iter(section.columns.values()))
    reached = section.reached()
    names = list(
        dict.fromkeys([*(name for column in section.columns.values() for name in column), *section.goals])
    )
    lines = [
        "| measure | goal | | n | " + " | ".join(section.columns) + " |",
        "|---" * (len(section.columns) + 4) + "|",
    ]
    for name in names:
        goal = str(section.goals.get(name, ""))
        mark = {True: "yes", False: "**no**", None: ""}[reached.get(name)]
        count = str(judged[name].count) if name in judged else ""
        cells = [shown(column.get(name)) for column in section.columns.values()]
        if goal and name not in judged:
            cells[0] = "not measured"
        lines.append(f"| {name.replace('_', ' ')} | {goal} | {mark} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write(folder: Path, results: Mapping[str, Any], sections: list[Section]) -> list[str]:
    """judge.json and judge.md; the rows that fall short, as text."""
    folder.mkdir(parents=True, exist_ok=True)
    marks = {f"{s.title}: {name}": ok for s in sections for name, ok in s.reached().items()}
    short = [name for name, ok in marks.items() if not ok]
    everything = {**results, "sections": {s.title: s for s in sections}, "short": short}
    (folder / "judge.json").write_text(
        json.dumps(plain(everything), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    how = "Written by `python -m training.judge`; intervals are 95 %, n is the number of cases."
    reached = f"{len(marks) - len(short)} of {len(marks)} goals reached."
    parts = ["# The judge's figures", "", how, "", reached]
    for section in sections:
        parts += ["", f"## {section.title}", "", table(section)]
        parts += ["", section.note] if section.note else []
    (folder / "judge.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
    return short
