"""Strange prompts, clicks, and the engine that users run: what must go right every time."""

from __future__ import annotations

from collections.abc import Sequence

from training.judge.clicks import clicks
from training.judge.controls import indoors
from training.judge.crew import Crew
from training.judge.features import faults
from training.judge.lists import STRANGE
from training.judge.obeys import following
from training.judge.prompts import missed, read_expected
from training.judge.statistics import Figure, share
from training.judge.takes import Take

SECONDS = 20
FIRST_SEED = 1


def _faults(take: Take) -> list[str]:
    return faults(take.audio) if take.header else ["illegal header"]


def strange(crew: Crew) -> tuple[dict[str, Figure], dict[str, Figure], list[dict[str, object]]]:
    """Whether strange prompts give music and their known words are obeyed; by chance; each prompt's own."""
    takes = crew.takes([(text, FIRST_SEED + i) for i, (text, _) in enumerate(STRANGE)], SECONDS)
    rows: list[dict[str, object]] = []
    musical, obeyed, lucky = [], [], []
    asked_for = [read_expected(expected) for _, expected in STRANGE]
    for take, found, asked, others in zip(
        takes, crew.map(_faults, takes), asked_for, following(asked_for), strict=True
    ):
        wrong = missed(asked, take.header)
        rows.append({"prompt": take.prompt[:80], "faults": found, "missed": wrong})
        musical.append(not found)
        obeyed += [name not in wrong for name in asked]
        wrong = missed(others, take.header)
        lucky += [name not in wrong for name in others]
    right = {"strange_prompts_are_music": share(musical), "strange_words_obeyed": share(obeyed)}
    return right, {"strange_words_obeyed": share(lucky)}, rows


def clicking(crew: Crew, takes: Sequence[Take], seconds: int) -> Figure:
    """Share of takes with a click, heard without rain, café, night and vinyl, which click by nature."""
    return share(
        found > 0 for found in crew.map(clicks, crew.play([indoors(t.codes) for t in takes], seconds))
    )
