"""How fast lofi runs MusicGen, beside the usual ways to run it, on this machine: one command.

    python -m benchmarks.compare --work DIR [--only NAMES] [--rounds 3] [--threads 2] [--cores 0,1]
        [--seconds 10,30] [--checkpoint FOLDER] [--results FOLDER]

DIR keeps what is made once (a random musicgen-small, imports, exports: up to 12 GB), so that the next run
begins to measure at once. Each round runs every candidate once, in a process of its own. Writes results.md,
results.json, plot.png and runs.jsonl (every measurement) into a folder under benchmarks/results. Ends with
status 1 when something failed; the page says what, and the rest is on it.
README.md says what each candidate does, and what the figures mean.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from pathlib import Path

from benchmarks.bench import Bench, run_rounds, say
from benchmarks.candidates import CANDIDATES, Candidate, missing
from benchmarks.figures import Plan, figures
from benchmarks.machine import Machine, describe_machine
from benchmarks.outcome import Outcome
from benchmarks.prepare import make_checkpoint
from benchmarks.processes import ROOT, ProcessFailed
from benchmarks.report import markdown
from lofi_common.config import WorkerConfig
from lofi_common.jobs import MIN_DURATION_SEC

CHECKPOINT_FILES = ("config.json", "tokenizer.json", "model.safetensors")
RANDOM = "random weights in musicgen-small's shape"


def main() -> None:
    arguments = parse()
    # Here, so that a missing matplotlib is told before all the measuring.
    from benchmarks.page import write_page

    if arguments.cores is not None:
        os.sched_setaffinity(0, arguments.cores)
    machine = describe_machine()
    chosen, lacking = choose(arguments.only)
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    checkpoint: Path = arguments.checkpoint or make_checkpoint(work)
    folder = results_folder(arguments.results, machine)
    plan = Plan(short=arguments.seconds[0], long=arguments.seconds[1])
    bench = Bench(work, folder, plan, arguments.threads, checkpoint)
    for candidate in chosen:
        bench.prepare(candidate)
    bandwidth = run_rounds(bench, chosen, arguments.rounds, arguments.threads)
    if not bench.measured:
        sys.exit("\n".join(["nothing was measured", *(f"{n}: {why}" for n, why in bench.failed.items())]))
    defaults = WorkerConfig()
    outcome = Outcome(
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine,
        threads=arguments.threads,
        spin=defaults.spin,
        nice=defaults.nice,
        checkpoint=checkpoint.name if arguments.checkpoint else RANDOM,
        standard=arguments.checkpoint is None and plan == Plan(),
        plan=plan,
        bandwidth=bandwidth,
        versions={
            name: version
            for measurements in bench.measured.values()
            for name, version in measurements[0].versions.items()
        },
        prepared={name: each.without_place() for name, each in bench.prepared.items()},
        figures={name: figures(measurements, plan) for name, measurements in bench.measured.items()},
        slots=bench.slots,
        product=bench.product,
        missing=lacking,
        failed=bench.failed,
    )
    write_page(outcome, folder)
    print(markdown(outcome))
    say(f"written to {folder}")
    sys.exit(1 if bench.failed else 0)


def choose(only: list[str] | None) -> tuple[list[Candidate], dict[str, list[str]]]:
    """The candidates to run, and those of the usual ones that this machine can't, with what it lacks."""
    if only is None:
        usual = [each for each in CANDIDATES if not each.optional]
        lacking = {each.name: missing(each) for each in usual if missing(each)}
        return [each for each in usual if each.name not in lacking], lacking
    chosen = [each for each in CANDIDATES if each.name in only]
    for each in chosen:
        if missing(each):
            sys.exit(f"{each.name} needs {', '.join(missing(each))}: see benchmarks/README.md")
    return chosen, {}


def results_folder(parent: Path, machine: Machine) -> Path:
    """A folder that is not there yet, named by the day and the processor."""
    processor = re.sub(r"[^a-z0-9]+", "-", machine.cpu.lower()).strip("-")
    cores = len(machine.used_cores) or machine.cores
    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    for number in range(1, 1000):
        folder = parent / f"{day}-{processor}-{cores}-cores{f'-{number}' if number > 1 else ''}"
        if not folder.exists():
            return folder
    raise FileExistsError(f"{parent} holds 999 results of this day")


def parse() -> argparse.Namespace:
    names = [each.name for each in CANDIDATES]

    def known(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(names):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    def positive(text: str) -> int:
        if int(text) < 1:
            raise argparse.ArgumentTypeError("give at least 1")
        return int(text)

    def checkpoint(text: str) -> Path:
        folder = Path(text)
        lacking = [name for name in CHECKPOINT_FILES if not (folder / name).is_file()]
        if lacking:
            raise argparse.ArgumentTypeError(f"{folder} has no {', '.join(lacking)}")
        return folder.resolve()

    def lengths(text: str) -> tuple[int, int]:
        short, long = numbers(text)
        if not 0 < short <= long:
            raise argparse.ArgumentTypeError("give two lengths, the shorter first")
        if long < MIN_DURATION_SEC:
            raise argparse.ArgumentTypeError(f"the longer one has at least {MIN_DURATION_SEC} s")
        return short, long

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made once")
    parser.add_argument("--only", type=known, help="candidates, e.g. ours-int4,onnx-int8")
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--threads", type=positive, default=2, help="threads of every candidate")
    parser.add_argument("--cores", type=numbers, help="cores to run on, e.g. 0,1 (Linux)")
    parser.add_argument("--seconds", type=lengths, default=(10, 30), help="the two tracks, e.g. 10,30")
    parser.add_argument("--checkpoint", type=checkpoint, help="another checkpoint than the random one")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except ProcessFailed as error:
        sys.exit(f"there is no checkpoint: {error}\n{error.output}")
