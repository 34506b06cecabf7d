"""`python -m tests.chaos --broker-kills 150 --worker-kills 150 --seed 1`: the chaos run and its figures.

Prints what it saw and found as JSON, then, on the last line, the recovery times. Homes worth a look are kept
in the folders that it names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.campaign import Campaign, Result
from tests.chaos.checker import INVARIANTS
from tests.chaos.recovery import measure
from tests.chaos.reference import undisturbed
from tests.chaos.steps import BROKER_STEPS, WORKER_STEPS

# Of the homes, this share runs the starter model; the others the scripted engine.
_STARTER_SHARE = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--broker-kills", type=int, default=150)
    parser.add_argument("--worker-kills", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--homes", type=int, default=4, help="brokers side by side, each in a home of its own"
    )
    parser.add_argument("--recoveries", type=int, default=5, help="how often each recovery time is measured")
    arguments = parser.parse_args()
    began = time.monotonic()
    starters = max(1, round(arguments.homes * _STARTER_SHARE))
    engines = ["onnx"] * starters + ["fake"] * (arguments.homes - starters)
    engines_once = sorted(set(engines))
    campaigns = [
        Campaign(
            engine,
            _part(arguments.broker_kills, arguments.homes, number),
            _part(arguments.worker_kills, arguments.homes, number),
            seed=f"{arguments.seed}/{number}",
        )
        for number, engine in enumerate(engines)
    ]
    with ThreadPoolExecutor(len(campaigns) + len(engines_once)) as threads:
        references = {engine: threads.submit(undisturbed, engine) for engine in engines_once}
        runs = [
            threads.submit(campaign.run, references[campaign.result.engine].result) for campaign in campaigns
        ]
        errors = [error for run in runs if (error := run.exception()) is not None]
    figures = _figures([campaign.result for campaign in campaigns])
    figures["broken"] = [f"{type(error).__name__}: {error}" for error in errors]
    # At once: whatever happens to the measurements, what the run has seen and found is told.
    print(json.dumps(figures, indent=1), flush=True)
    for error in errors:
        traceback.print_exception(error)
    recoveries = {engine: measure(engine, arguments.recoveries) for engine in engines_once}
    more = {
        "recovery_sec": recoveries,
        "wall_sec": round(time.monotonic() - began, 1),
        "load": [round(each, 2) for each in os.getloadavg()],
    }
    print(json.dumps(more))
    sys.exit(1 if figures["violations"] or errors else 0)


def _part(whole: int, parts: int, number: int) -> int:
    return whole // parts + (number < whole % parts)


def _figures(results: list[Result]) -> dict[str, object]:
    steps = _sum(result.steps for result in results)
    named = [f"broker {step}" for step in BROKER_STEPS] + [f"worker {step}" for step in WORKER_STEPS]
    violations = [violation for result in results for violation in result.violations]
    found = Counter(violation.invariant for violation in violations)
    orphans = sorted(sec for result in results for sec in result.orphan_sec)
    return {
        "homes": Counter(f"{result.engine} on {result.disk}" for result in results),
        "broker_kills": _sum(result.broker_kills for result in results),
        "worker_kills": _sum(result.worker_kills for result in results),
        "others": _sum(result.others for result in results),
        "kills_by_step": {step: steps[step] for step in named},
        "steps_never_met": [step for step in named if not steps[step]],
        "jobs": _sum(result.ends for result in results),
        "workers_gone_after_sec": {"seen": len(orphans), "most": round(orphans[-1], 3) if orphans else 0},
        "invariants": {invariant: found[invariant] for invariant in INVARIANTS},
        "violations": [list(violation) for violation in violations[:50]],
        "kept": [result.kept for result in results if result.kept],
    }


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


if __name__ == "__main__":
    main()
