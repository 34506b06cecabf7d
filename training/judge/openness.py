"""Whether what a prompt leaves open varies as it does in tracks whose captions leave it open."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from training.attributes import Attributes
from training.draws import HELD_OUT_SEED, caption
from training.judge.crew import Crew
from training.judge.lists import OPEN_PROMPTS
from training.judge.statistics import Figure, entropy, mean, single
from training.obedience import STATABLE

DRAWS = 160  # of each open prompt
PRIOR_CAPTIONS = 6_000
RESAMPLES = 20
FIELDS = tuple(name for name in STATABLE if name != "tempo_word")
TEMPO_STATES = frozenset({"bpm", "tempo_word"})


def unstated(count: int) -> dict[str, list[Hashable]]:
    """For each attribute its values in the tracks whose captions do not state it.

    A caption that says nothing about drums seldom belongs to a track without any: so this, and not the
    distribution of all tracks, is what a prompt that leaves something open should give.
    """
    found: dict[str, list[Hashable]] = {name: [] for name in FIELDS}
    for index in range(count):
        _, attributes, states = caption(HELD_OUT_SEED, index, noise=False)
        for name in FIELDS:
            if not (TEMPO_STATES if name == "bpm" else {name}) & states:
                found[name].append(getattr(attributes, name))
    return found


def expected_entropy(values: Sequence[Hashable], draws: int) -> float:
    """Mean entropy in nat of `draws` values drawn from `values`: as low as so few draws make it."""
    rng = np.random.default_rng(0)
    chosen = [rng.integers(len(values), size=draws) for _ in range(RESAMPLES)]
    return float(np.mean([entropy([values[i] for i in rows]) for rows in chosen]))


def variety(headers: Sequence[Attributes], prior: dict[str, list[Hashable]]) -> dict[str, float]:
    """For each attribute the entropy over these headers, divided by that of as many from the prior."""
    return {
        name: entropy([getattr(h, name) for h in headers]) / expected_entropy(prior[name], len(headers))
        for name in FIELDS
    }


def openness(crew: Crew) -> dict[str, Figure]:
    """Variety of each attribute, the mean over OPEN_PROMPTS, and the mean over all with its least prompt."""
    prior = unstated(PRIOR_CAPTIONS)
    jobs = [(text, i * DRAWS + seed) for i, text in enumerate(OPEN_PROMPTS) for seed in range(DRAWS)]
    headers = [take.header for take in crew.takes(jobs, 0)]
    each = [
        variety([h for h in headers[at : at + DRAWS] if h is not None], prior)
        for at in range(0, len(headers), DRAWS)
    ]
    found = {f"variety_{name}": mean([ratios[name] for ratios in each]) for name in FIELDS}
    means = [float(np.mean(list(ratios.values()))) for ratios in each]
    return found | {"variety_mean": mean(means), "variety_weakest_prompt": single(min(means))}
