"""The results as a page of Markdown. Pure."""

from __future__ import annotations

from benchmarks.candidates import CANDIDATES
from benchmarks.goals import judged
from benchmarks.outcome import Outcome

ABOUT = {each.name: each.about for each in CANDIDATES}


def markdown(outcome: Outcome) -> str:
    parts = [_head(outcome), _table(outcome), _slots(outcome), _goals(outcome), _making(outcome)]
    return "\n\n".join(part for part in [*parts, _left_out(outcome)] if part) + "\n"


def _head(outcome: Outcome) -> str:
    machine = outcome.machine
    cores = f"{len(machine.used_cores)} of {machine.cores}" if machine.used_cores else f"{machine.cores}"
    reads = " and ".join(
        f"{rate:.1f} GB/s with {n} thread{'s' * (n > 1)}" for n, rate in outcome.bandwidth.items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in sorted(outcome.versions.items()))
    return f"""# MusicGen on this machine, {outcome.date}

- {machine.cpu}, {cores} cores, {machine.memory_gib:.0f} GiB, {machine.system}; {outcome.threads} threads each
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
        "peak MiB",
        "files MB",
        "of memory speed",
    ]
    rows = [titles, ["---", *("---:" for _ in titles[1:])]]
    for name, each in outcome.figures.items():
        estimate = "≈ " * each.long_is_estimate
        rows.append(
            [
                name,
                f"{each.short_speed:.2f} ({min(each.short_speeds):.2f}–{max(each.short_speeds):.2f})",
                f"{estimate}{each.long_speed:.2f}",
                *(f"{each.step_ms[step]:.1f}" for step in steps),
                f"{each.first_audio:.2f}",
                f"{each.imports:.2f}",
                f"{each.load:.2f}",
                f"{each.peak_mib:.0f}",
                f"{outcome.prepared[name].bytes / 1e6:.0f}",
                f"{100 * outcome.reached(name):.0f} %",
            ]
        )
    rounds = max(each.rounds for each in outcome.figures.values())
    lines = [_row(cells) for cells in rows]
    about = "\n".join(f"- {name}: {ABOUT[name]}" for name in outcome.figures)
    notes = f"""
Medians over {rounds} interleaved rounds (in brackets: least and most). × real time: seconds of audio per
second. ≈: the {plan.long} s track was not generated whole; its steps lie on lines between those measured at
{", ".join(map(str, steps))}, and its decoding was measured. First audio: who does not stream
gives it at the end. Of memory speed: the weights that a step reads, by its time at step {steps[0]}
and by the speed at which {outcome.threads} threads read memory.

{about}"""
    return "\n".join([*lines, notes])


def _slots(outcome: Outcome) -> str:
    if not outcome.slots:
        return ""
    counts = sorted({count for each in outcome.slots.values() for count in each})
    lines = [_row(["tracks side by side", *map(str, counts)]), _row(["---", *("---:" for _ in counts)])]
    for name, speeds in outcome.slots.items():
        lines.append(_row([name, *(f"{speeds[n]:.2f}" if n in speeds else "" for n in counts)]))
    seconds = outcome.plan.short
    return (
        "## Throughput\n\n"
        + "\n".join(lines)
        + f"\n\n× real time over all tracks, of {seconds} s each; one run."
    )


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
    lines = [_row(["import", "s", "peak MiB", "agreement with fp32"]), _row(["---", "---:", "---:", "---"])]
    for name, making in imports.items():
        agreed = making.agreement
        shown = "" if agreed is None else f"{100 * agreed.top1:.2f} % of favourites, KL {agreed.kl:.2g}"
        lines.append(_row([name, f"{making.seconds:.0f}", f"{making.peak_mib:.0f}", shown]))
    return "## Imports\n\n" + "\n".join(lines)


def _left_out(outcome: Outcome) -> str:
    lines = [
        f"- {name}: not measured, this machine has no {', '.join(w)}" for name, w in outcome.missing.items()
    ]
    lines += [f"- {name}: failed: {text}" for name, text in outcome.failed.items()]
    return "## Left out\n\n" + "\n".join(lines) if lines else ""


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
