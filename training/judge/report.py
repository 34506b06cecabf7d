"""The judge's results as JSON and as the table of docs/models.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.judge.statistics import Figure

Section = Mapping[str, Figure]


def plain(value: Any) -> Any:
    """For JSON: figures as dicts, nan as null, floats to five digits."""
    if isinstance(value, Figure):
        return plain(asdict(value))
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


def table(columns: Mapping[str, Section]) -> str:
    """Markdown: a row a measure, a column a set of takes."""
    names = list(dict.fromkeys(name for section in columns.values() for name in section))
    lines = ["| measure | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {name.replace('_', ' ')} | " + " | ".join(shown(s.get(name)) for s in columns.values()) + " |"
        for name in names
    ]
    return "\n".join(lines)


def write(folder: Path, results: Mapping[str, Any], tables: Mapping[str, str]) -> None:
    """judge.json and judge.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "judge.json").write_text(
        json.dumps(plain(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    parts = ["# The judge's figures", "", "Written by `python -m training.judge`; intervals are 95 %."]
    for title, text in tables.items():
        parts += ["", f"## {title}", "", text]
    (folder / "judge.md").write_text("\n".join(parts) + "\n", encoding="utf-8")
