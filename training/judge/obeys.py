"""Whether prompts are obeyed: held-out captions, free-hand prompts, stated tempi as heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from training.judge.crew import Crew
from training.judge.features import measure
from training.judge.music import librosa_hears, near
from training.judge.prompts import Freehand, Held, missed
from training.judge.statistics import Figure, share, tally
from training.judge.takes import Take
from training.obedience import obeyed

FREEHAND_SEEDS = 3
T = TypeVar("T")


def following(items: Sequence[T]) -> list[T]:
    """In the place of each item the next one: what others asked for, for figures of obedience by chance."""
    return [*items[1:], *items[:1]]


def captions_obeyed(crew: Crew, held: Sequence[Held]) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Share right of each stated attribute, and that by chance; headers only, one seed a caption."""
    takes = crew.takes([(each.text, i) for i, each in enumerate(held)], 0)
    return statements_right(held, takes), statements_right(following(held), takes)


def statements_right(held: Sequence[Held], takes: Sequence[Take]) -> dict[str, Figure]:
    """Share right of each attribute that the caption beside a take states."""
    rows = [
        {
            f"stated_{name}": take.header is not None and obeyed(name, each.wanted, take.header)
            for name in sorted(each.states)
        }
        for each, take in zip(held, takes, strict=True)
    ]
    return dict(sorted(tally(rows).items()))


def hear_tempo(job: tuple[Take, Held]) -> dict[str, bool]:
    """Whether our tracker and librosa find a stated tempo.

    Nothing where the header has no drums, unless the prompt states a kit: then it is a miss.
    """
    take, held = job
    if take.header is None or take.header.drums == "none":
        kit = "drums" in held.states and held.wanted.drums != "none"
        lost = take.header is None or kit
        return {"stated_bpm_heard": False, "stated_bpm_heard_librosa": False} if lost else {}
    return {
        "stated_bpm_heard": near(measure(take.audio).bpm, held.wanted.bpm),
        "stated_bpm_heard_librosa": librosa_hears(take.audio, held.wanted.bpm),
    }


def stated_tempo_heard(crew: Crew, held: Sequence[Held], takes: Sequence[Take]) -> dict[str, Figure]:
    """Measured tempo within 4 % of the stated one, where there are or should be drums; a take or more."""
    wanted = {each.text: each for each in held if "bpm" in each.states}
    return tally(
        crew.map(hear_tempo, [(take, wanted[take.prompt]) for take in takes if take.prompt in wanted])
    )


def freehand_obeyed(
    crew: Crew, prompts: Sequence[Freehand]
) -> tuple[dict[str, Figure], dict[str, Figure], list[str]]:
    """Shares of expectations and of whole prompts that are right, those by chance, and what was missed."""
    jobs = [
        (prompt.text, i * FREEHAND_SEEDS + seed)
        for i, prompt in enumerate(prompts)
        for seed in range(FREEHAND_SEEDS)
    ]
    takes = crew.takes(jobs, 0)
    found, lines = expectations_right(prompts, takes)
    return found, expectations_right(following(prompts), takes)[0], lines


def expectations_right(
    prompts: Sequence[Freehand], takes: Sequence[Take]
) -> tuple[dict[str, Figure], list[str]]:
    """Shares that FREEHAND_SEEDS takes for each prompt get right, and what they miss."""
    hits, wholes, lines = [], [], []
    for i, take in enumerate(takes):
        expected = prompts[i // FREEHAND_SEEDS].expected
        wrong = missed(expected, take.header)
        hits += [name not in wrong for name in expected]
        wholes.append(not wrong)
        if wrong:
            lines.append(f"{take.prompt} [{take.seed}]: {', '.join(f'{k}={expected[k]}' for k in wrong)}")
    return {"freehand_prompts": share(wholes), "freehand_expectations": share(hits)}, lines
