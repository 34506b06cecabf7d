"""Runs the histories of `machine.py`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.fuzz.machine import Histories

STEPS = 50


def run_histories(machine: type[Histories], examples: int, *, repeatable: bool = True) -> None:
    """`examples` histories of up to STEPS steps each; the first that goes wrong is raised at its shortest."""
    how = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=repeatable,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)
