"""The long run: random bytes and random histories; ends with 1 and the shortest culprit when one is found.

    python -m tests.fuzz --inputs 1000000 --histories 2000 [--seed 1] [--only manifest]

Inputs are shared out evenly among the targets. A round that takes far too long counts as a hang.
"""

from __future__ import annotations

import argparse
import faulthandler
import time

from tests.fuzz.histories import STEPS, run_histories
from tests.fuzz.machine import Histories, StoredHistories
from tests.fuzz.run import ROUND, Tally, fuzz
from tests.fuzz.targets import TARGETS, Target

_HANG_SEC = 300.0


def run_target(target: Target, inputs: int, seed: int) -> None:
    tally = Tally()
    while tally.inputs < inputs:
        faulthandler.dump_traceback_later(_HANG_SEC, exit=True)
        fuzz(target, min(ROUND, inputs - tally.inputs), seed + tally.inputs, tally)
        faulthandler.cancel_dump_traceback_later()
    print(
        f"{target.name:9} {tally.inputs} inputs, {100 * tally.taken / tally.inputs:.0f} % accepted,"
        f" the slowest {1000 * tally.slowest_sec:.1f} ms, {tally.seconds:.0f} s in all",
        flush=True,
    )


def run_machine(machine: type[Histories], examples: int) -> None:
    began = time.perf_counter()
    run_histories(machine, examples, repeatable=False)
    print(
        f"{machine.__name__:15} {examples} × {STEPS} steps, {time.perf_counter() - began:.0f} s", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=0, help="of all targets together")
    parser.add_argument(
        "--histories", type=int, default=0, help="of the scheduler, and as many on a database"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the inputs")
    parser.add_argument("--only", choices=[target.name for target in TARGETS])
    arguments = parser.parse_args()
    targets = [target for target in TARGETS if arguments.only in (None, target.name)]
    for target in targets:
        if arguments.inputs:
            run_target(target, arguments.inputs // len(targets), arguments.seed)
    if arguments.histories:
        run_machine(Histories, arguments.histories)
        run_machine(StoredHistories, arguments.histories)


if __name__ == "__main__":
    main()
