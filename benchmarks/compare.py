"""How fast lofi runs MusicGen, beside the usual ways to run it, on this machine: one command.

    python -m benchmarks.compare --work DIR [--only NAMES] [--rounds 3] [--threads 2] [--cores 0,1]
        [--seconds 10,30] [--checkpoint FOLDER] [--results FOLDER]

DIR keeps what is made once (a random musicgen-small, imports, exports: up to 12 GB), so that the next run
begins to measure at once. Each round runs every candidate once, in a process of its own. Writes results.md,
results.json, plot.png and runs.jsonl (every measurement) into a folder under benchmarks/results.
README.md says what each candidate does, and what the figures mean.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from benchmarks.candidates import CANDIDATES, Candidate, command, missing
from benchmarks.figures import Plan, figures, slot_speed
from benchmarks.machine import Machine, describe_machine, measure_bandwidth
from benchmarks.outcome import Outcome
from benchmarks.prepare import ROOT, PreparationFailed, Prepared, make_checkpoint, prepare
from benchmarks.report import markdown
from benchmarks.task import PROMPT, Measurement, Task, rounded

TIMEOUT_SEC = 900
SLOTS = (1, 2, 4, 8)
RANDOM = "random weights in musicgen-small's shape"


class Bench:
    """One run of the benchmark: starts the processes and keeps what they say."""

    def __init__(self, work: Path, folder: Path, plan: Plan, threads: int, checkpoint: Path) -> None:
        config = msgspec.json.decode((checkpoint / "config.json").read_bytes())
        tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
        self._work = work
        self._folder = folder
        self._plan = plan
        self._threads = threads
        self._prompt_ids: list[int] = tokenizer.encode(PROMPT).ids
        self._special: int = config["decoder"]["vocab_size"]
        self.prepared: dict[str, Prepared] = {}
        self.measured: dict[str, list[Measurement]] = {}
        self.slots: dict[str, dict[int, float]] = {}
        self.failed: dict[str, str] = {}

    def measure(self, candidate: Candidate) -> None:
        """One round's measurement of the candidate."""
        plan = self._plan
        tracks = [plan.short, plan.long] if candidate.whole else [plan.short]
        frames = None if candidate.whole else plan.steps[-1]
        found = self._run(candidate, self._task(candidate, tracks=tracks, window_frames=frames))
        if found is not None:
            self.measured.setdefault(candidate.name, []).append(found)

    def measure_slots(self, candidate: Candidate, slots: int) -> None:
        """The candidate with several tracks side by side."""
        found = self._run(candidate, self._task(candidate, tracks=[self._plan.short], slots=slots))
        if found is not None:
            self.slots.setdefault(candidate.name, {})[slots] = slot_speed(found)

    def _task(
        self, candidate: Candidate, *, tracks: list[int], window_frames: int | None = None, slots: int = 1
    ) -> Task:
        return Task(
            candidate=candidate.name,
            files=self.prepared[candidate.name].folder,
            threads=self._threads,
            prompt_ids=self._prompt_ids,
            special=self._special,
            tracks=tracks,
            window_frames=window_frames,
            slots=slots,
        )

    def _run(self, candidate: Candidate, task: Task) -> Measurement | None:
        """Runs one process; None when the candidate failed, in this task or before."""
        if candidate.name in self.failed:
            return None
        say(f"{candidate.name}, {task.slots} slot{'s' * (task.slots > 1)}")
        path = self._work / "task.json"
        path.write_bytes(msgspec.json.encode(task))
        environ = {**os.environ, "OMP_NUM_THREADS": str(self._threads), "HF_HUB_OFFLINE": "1"}
        try:
            done = subprocess.run(
                command(candidate, path, self._work),
                cwd=ROOT,
                env=environ,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SEC,
            )
        except subprocess.TimeoutExpired as error:
            self.failed[candidate.name] = str(error)
            return None
        if done.returncode != 0:
            errors = re.findall(r"^[\w.]+: .+$", done.stderr, re.MULTILINE)  # the exception, not its stack
            self.failed[candidate.name] = errors[-1] if errors else f"exit status {done.returncode}"
            say(f"{candidate.name} failed:\n{done.stderr[-4000:]}")
            return None
        found = rounded(msgspec.json.decode(done.stdout.splitlines()[-1], type=Measurement))
        with (self._folder / "runs.jsonl").open("ab") as runs:
            runs.write(msgspec.json.encode(found) + b"\n")
        return found


def main() -> None:
    arguments = parse()
    from benchmarks.plot import plot  # here, so that a missing matplotlib is told before all the measuring

    if arguments.cores is not None:
        os.sched_setaffinity(0, arguments.cores)
    machine = describe_machine()
    chosen, lacking = choose(arguments.only)
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    checkpoint: Path = arguments.checkpoint.resolve() if arguments.checkpoint else make_checkpoint(work)
    folder = results_folder(arguments.results, machine)
    plan = Plan(short=arguments.seconds[0], long=arguments.seconds[1])
    bench = Bench(work, folder, plan, arguments.threads, checkpoint)
    for candidate in chosen:
        say(f"prepare {candidate.name}")
        bench.prepared[candidate.name] = prepare(candidate, work, checkpoint)
    bandwidth = run_rounds(bench, chosen, arguments.rounds, arguments.threads)
    if not bench.measured:
        sys.exit("every candidate failed")
    outcome = Outcome(
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine,
        threads=arguments.threads,
        checkpoint=checkpoint.name if arguments.checkpoint else RANDOM,
        standard=arguments.checkpoint is None and plan == Plan(),
        plan=plan,
        bandwidth=bandwidth,
        versions={
            name: version
            for measurements in bench.measured.values()
            for name, version in measurements[0].versions.items()
        },
        prepared=bench.prepared,
        figures={name: figures(measurements, plan) for name, measurements in bench.measured.items()},
        slots=bench.slots,
        missing=lacking,
        failed=bench.failed,
    )
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    (folder / "results.md").write_text(markdown(outcome))
    plot(outcome, folder / "plot.png")
    print(markdown(outcome))
    say(f"written to {folder}")
    sys.exit(1 if bench.failed else 0)


def run_rounds(bench: Bench, chosen: list[Candidate], rounds: int, threads: int) -> dict[int, float]:
    """Measures everything; returns the memory's speed in GB/s by threads.

    Every other round goes backwards, so that nobody always follows the same neighbour.
    """
    reads: dict[int, list[float]] = {1: [], threads: []}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for count, speeds in reads.items():
            speeds.append(measure_bandwidth(count))
        for candidate in chosen if number % 2 == 0 else reversed(chosen):
            bench.measure(candidate)
    for slots in SLOTS:
        for candidate in chosen:
            if candidate.slots:
                bench.measure_slots(candidate, slots)
    return {count: statistics.median(speeds) for count, speeds in reads.items()}


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
    """A folder for this run's results, named by the day and the processor."""
    processor = re.sub(r"[^a-z0-9]+", "-", machine.cpu.lower()).strip("-")
    cores = len(machine.used_cores) or machine.cores
    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    for number in range(1, 1000):
        folder = parent / f"{day}-{processor}-{cores}-cores{f'-{number}' if number > 1 else ''}"
        if not folder.exists():
            folder.mkdir(parents=True)
            return folder
    raise FileExistsError(f"{parent} holds 999 results of this day")


def say(text: str) -> None:
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    names = [each.name for each in CANDIDATES]

    def known(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(names):
            raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return text.split(",")

    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    def lengths(text: str) -> tuple[int, int]:
        short, long = numbers(text)
        if not 0 < short <= long:
            raise argparse.ArgumentTypeError("give two lengths, the shorter first")
        return short, long

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made once")
    parser.add_argument("--only", type=known, help="candidates, e.g. ours-int4,onnx-int8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="threads of every candidate")
    parser.add_argument("--cores", type=numbers, help="cores to run on, e.g. 0,1 (Linux)")
    parser.add_argument("--seconds", type=lengths, default=(10, 30), help="the two tracks, e.g. 10,30")
    parser.add_argument("--checkpoint", type=Path, help="another checkpoint than the random one")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except PreparationFailed as error:
        sys.exit(f"preparation failed: {error}")
