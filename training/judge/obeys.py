"""Whether prompts are obeyed: held-out captions, free-hand prompts, stated tempi as heard."""

from __future__ import annotations

from collections.abc import Sequence

from training.judge.crew import Crew
from training.judge.features import measure
from training.judge.music import librosa_hears, near
from training.judge.prompts import Freehand, Held, missed
from training.judge.statistics import Figure, share, tally
from training.judge.takes import Take
from training.obedience import obeyed

FREEHAND_SEEDS = 3


def captions_obeyed(crew: Crew, held: Sequence[Held]) -> dict[str, Figure]:
    """Share right of each stated attribute; headers only, one seed a caption."""
    takes = crew.takes([(each.text, i) for i, each in enumerate(held)], 0)
    rows = [
        {
            f"stated_{name}": take.header is not None and obeyed(name, each.wanted, take.header)
            for name in sorted(each.states)
        }
        for each, take in zip(held, takes, strict=True)
    ]
    return dict(sorted(tally(rows).items()))


def hear_tempo(job: tuple[Take, int]) -> dict[str, bool]:
    """Whether our tracker and librosa find a stated tempo; nothing where the header has no drums."""
    take, bpm = job
    if take.header is None:
        return {"stated_bpm_heard": False}
    if take.header.drums == "none":
        return {}
    return {
        "stated_bpm_heard": near(measure(take.audio).bpm, bpm),
        "stated_bpm_heard_librosa": librosa_hears(take.audio, bpm),
    }


def stated_tempo_heard(crew: Crew, held: Sequence[Held], takes: Sequence[Take]) -> dict[str, Figure]:
    """Measured tempo within 4 % of the stated one, where there are drums; one take a prompt or more."""
    wanted = {each.text: each.wanted.bpm for each in held if "bpm" in each.states}
    return tally(
        crew.map(hear_tempo, [(take, wanted[take.prompt]) for take in takes if take.prompt in wanted])
    )


def freehand_obeyed(crew: Crew, prompts: Sequence[Freehand]) -> tuple[dict[str, Figure], list[str]]:
    """Shares of expectations and of whole prompts that are right, and what was missed, as text."""
    jobs = [
        (prompt.text, i * FREEHAND_SEEDS + seed)
        for i, prompt in enumerate(prompts)
        for seed in range(FREEHAND_SEEDS)
    ]
    hits, wholes, lines = [], [], []
    for i, take in enumerate(crew.takes(jobs, 0)):
        expected = prompts[i // FREEHAND_SEEDS].expected
        wrong = missed(expected, take.header)
        hits += [name not in wrong for name in expected]
        wholes.append(not wrong)
        if wrong:
            lines.append(f"{take.prompt} [{take.seed}]: {', '.join(f'{k}={expected[k]}' for k in wrong)}")
    return {"freehand_prompts": share(wholes), "freehand_expectations": share(hits)}, lines
