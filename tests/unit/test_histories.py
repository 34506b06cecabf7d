"""The queue under random histories. `python -m tests.fuzz` runs many more."""

from __future__ import annotations

from tests.fuzz.histories import run_histories
from tests.fuzz.machine import Histories, StoredHistories


def test_the_scheduler() -> None:
    run_histories(Histories, 150)


def test_the_scheduler_on_a_real_database() -> None:
    run_histories(StoredHistories, 40)
