"""The results as a page of Markdown. Pure."""

from __future__ import annotations

import statistics

from benchmarks.candidates import CANDIDATES
from benchmarks.goals import judged
from benchmarks.outcome import Outcome

ABOUT = {each.name: each.about for each in CANDIDATES}


def markdown(outcome: Outcome) -> str:
    parts = [_head(outcome), _table(outcome), _slots(outcome), _product(outcome), _goals(outcome)]
    return "\n\n".join(part for part in [*parts, _making(outcome), _left_out(outcome)] if part) + "\n"


def _head(outcome: Outcome) -> str:
    machine = outcome.machine
    cores = f"{len(machine.used_cores)} of {machine.cores}" if machine.used_cores else f"{machine.cores}"
    reads = " and ".join(f"{r:.1f} GB/s with {counted(n, 'thread')}" for n, r in outcome.bandwidth.items())
    spin = "spinning threads" if outcome.spin else "no spinning threads"
    versions = ", ".join(f"{name} {version}" for name, version in sorted(outcome.versions.items()))
    return f"""# MusicGen on this machine, {outcome.date}

- {machine.cpu}, {cores} cores, {machine.memory_gib:.0f} GiB, {machine.system}
- {counted(outcome.threads, "thread")} each; lofi with its worker's defaults: {spin}, niceness {outcome.nice}
- instruction sets: {" ".join(machine.flags)}
- load average at the start: {machine.load_average}
- memory reads: {reads}
- model: {outcome.checkpoint}
- {versions}

![Speed and step times](plot.png)"""


def _table(outcome: Outcome) -> str:
    plan = outcome.plan
    steps = list(dict.fromkeys(plan.steps))
    titles = [
        "candidate",
        f"× real time {plan.short} s",
        f"{plan.long} s",
        *(f"ms at step {step}" for step in steps),
        "first audio s",
        "import s",
        "load s",
        "peak MB",
        "files MB",
        "of memory speed",
    ]
    rows = [titles, ["---", *("---:" for _ in titles[1:])]]
    for name, each in outcome.figures.items():
        estimate = "≈ " * each.long_is_estimate
        rows.append(
            [
                name,
                _spread(each.short_speeds),
                f"{estimate}{each.long_speed:.2f}",
                *(f"{each.step_ms[step]:.1f}" for step in steps),
                f"{each.first_audio:.2f}",
                f"{each.imports:.2f}",
                f"{each.load:.2f}",
                f"{each.peak_mb:.0f}",
                f"{outcome.prepared[name].bytes / 1e6:.0f}",
                f"{100 * outcome.reached(name):.0f} %",
            ]
        )
    for name, why in outcome.failed.items():
        if name in ABOUT and name not in outcome.figures:
            rows.append([name, f"failed in {why.partition(':')[0]}", *("" for _ in titles[2:])])
    rounds = max(each.rounds for each in outcome.figures.values())
    lines = [_row(cells) for cells in rows]
    about = "\n".join(f"- {name}: {ABOUT[name]}" for name in outcome.figures)
    notes = f"""
Medians over {counted(rounds, "interleaved round")} (in brackets: least and most). × real time: seconds of
audio per second. ≈: the {plan.long} s track was not generated whole; its steps lie on lines between those
measured at {", ".join(map(str, steps))}, and its decoding was measured. First audio: who does not stream
gives it at the end. Of memory speed: the weights that a step reads, by its time at step {steps[0]}
and by the speed at which {counted(outcome.threads, "thread")} can read memory.

{about}"""
    return "\n".join([*lines, notes])


def _slots(outcome: Outcome) -> str:
    if not outcome.slots:
        return ""
    counts = sorted({count for each in outcome.slots.values() for count in each})
    lines = [_row(["tracks side by side", *map(str, counts)]), _row(["---", *("---:" for _ in counts)])]
    for name, speeds in outcome.slots.items():
        cells = [_spread(speeds[n]) if n in speeds else "" for n in counts]
        lines.append(_row([name, *cells]))
    stretch = outcome.plan.stretch
    notes = f"""
× real time over all tracks, in the steps {stretch.first + 1} to {stretch.last} alone, decoding included:
medians over the rounds (in brackets: least and most)."""
    return "\n".join(["## Throughput\n", *lines, notes])


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def _product(outcome: Outcome) -> str:
    product = outcome.product
    if product is None:
        return ""
    speed = product.seconds / product.generation
    return f"""## The worker

| with a broker, {product.candidate} | peak MB of the worker | × real time |
| --- | ---: | ---: |
| one track of {product.seconds} s | {product.peak_mb:.0f} | {speed:.2f} |

The product with its defaults, once: the peak of the worker's process from its start to the track's file."""


def _goals(outcome: Outcome) -> str:
    goals = judged(outcome) if outcome.standard else []
    if not goals:
        return ""
    lines = [_row(["goal, on two cores", "bound", "here", ""]), _row(["---", "---:", "---:", "---"])]
    for goal, value in goals:
        sign = "≥" if goal.at_least else "≤"
        verdict = "reached" if goal.reached(value) else "missed"
        lines.append(_row([goal.text, f"{sign} {goal.bound:g}", f"{value:.2f}", verdict]))
    return "## Goals\n\n" + "\n".join(lines)


def _making(outcome: Outcome) -> str:
    """What the imports took."""
    imports = {name: each.making for name, each in outcome.prepared.items() if each.making is not None}
    if not imports:
        return ""
    lines = [_row(["import", "s", "peak MB", "agreement with fp32"]), _row(["---", "---:", "---:", "---"])]
    for name, making in imports.items():
        agreed = making.agreement
        shown = "" if agreed is None else f"{100 * agreed.top1:.2f} % of favourites, KL {agreed.kl:.2g}"
        lines.append(_row([name, f"{making.seconds:.0f}", f"{making.peak_mb:.0f}", shown]))
    return "## Imports\n\n" + "\n".join(lines)


def _left_out(outcome: Outcome) -> str:
    rows = [[name, f"this machine has no {', '.join(what)}"] for name, what in outcome.missing.items()]
    rows += [[name, f"failed in {why}"] for name, why in outcome.failed.items()]
    if not rows:
        return ""
    head = ["## Left out, or failed\n", _row(["what", "why"]), _row(["---", "---"])]
    return "\n".join([*head, *map(_row, rows)])


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
