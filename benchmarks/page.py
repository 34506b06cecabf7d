"""Writes the page of a run, and its picture: at the end of one, or again from the results that were kept.

    python -m benchmarks.page FOLDER          # needs matplotlib; FOLDER is one under benchmarks/results

Measures nothing: results.md and plot.png are made from results.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from benchmarks.outcome import Outcome
from benchmarks.plot import plot
from benchmarks.report import markdown

RESULTS = "results.json"


def write_page(outcome: Outcome, folder: Path) -> None:
    """Writes results.json, results.md and plot.png."""
    (folder / RESULTS).write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    _write_views(outcome, folder)


def _write_views(outcome: Outcome, folder: Path) -> None:
    (folder / "results.md").write_text(markdown(outcome))
    plot(outcome, folder / "plot.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with a results.json")
    folder: Path = parser.parse_args().folder
    try:
        outcome = msgspec.json.decode((folder / RESULTS).read_bytes(), type=Outcome)
    except (OSError, msgspec.DecodeError) as error:
        sys.exit(f"{folder / RESULTS} holds no results: {error}")
    _write_views(outcome, folder)


if __name__ == "__main__":
    main()
