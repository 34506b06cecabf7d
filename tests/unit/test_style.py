"""The linter, the formatter and the type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("lofi_common", "lofi_broker", "lofi_worker", "clients", "training", "tests", "benchmarks")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command", ["ruff check .", "ruff format --check .", "mypy", "mypy clients/python/examples tests/typed"]
)
def test_the_code_is_clean(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_long() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 350
    }
    assert long == {}
