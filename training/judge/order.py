"""Whether prompts that ask for opposites come out in that order.

Tempo and tone are heard, density is counted in the notes.
"""

from __future__ import annotations

from training.judge import notes
from training.judge.crew import Crew
from training.judge.features import brightness, onset_envelope, tempo
from training.judge.lists import PAIRS
from training.judge.statistics import Figure, share
from training.judge.takes import Take

SEEDS = 6
SECONDS = 12


def tempo_amount(take: Take) -> float:
    return tempo(onset_envelope(take.audio))[0]


def density_amount(take: Take) -> float:
    return notes.density(notes.legal_score(take.codes)[0])


def tone_amount(take: Take) -> float:
    return brightness(take.audio)


AMOUNTS = {"tempo": tempo_amount, "density": density_amount, "tone": tone_amount}


def opposites_ordered(crew: Crew) -> dict[str, Figure]:
    """How often the second prompt of a pair comes out faster, busier or brighter than the first.

    The two prompts of a pair share their seeds: so what they leave open comes out much alike.
    """
    found = {}
    for name, pairs in PAIRS.items():
        jobs = [
            (text, i * SEEDS + seed) for i, pair in enumerate(pairs) for text in pair for seed in range(SEEDS)
        ]
        amounts = crew.map(AMOUNTS[name], crew.takes(jobs, SECONDS, sound=name != "density"))
        hits = []
        for at in range(0, len(amounts), 2 * SEEDS):
            less, more = amounts[at : at + SEEDS], amounts[at + SEEDS : at + 2 * SEEDS]
            hits += [a < b for a, b in zip(less, more, strict=True)]
        found[f"ordered_{name}"] = share(hits)
    return found
