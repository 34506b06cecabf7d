"""Whether prompts are obeyed: held-out captions, free-hand prompts, opposites, and what is left open."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from training.attributes import Attributes, sample_attributes
from training.judge import notes
from training.judge.features import measure
from training.judge.prompts import OPEN_PROMPT, PAIRS, Held, meets, read_freehand
from training.judge.statistics import Figure, entropy, mean, share
from training.judge.takes import Player, Take
from training.obedience import TEMPO_TOLERANCE, obeyed

OPEN_DRAWS = 240
OPEN_FIELDS = (
    "bpm",
    "key",
    "mode",
    "keys",
    "lead",
    "bass",
    "drums",
    "tone",
    "density",
    "swing",
    "vinyl",
    "rain",
    "pad",
)


def captions_obeyed(player: Player, held: list[Held]) -> dict[str, Figure]:
    """Share right of each stated attribute; headers only, one seed a caption."""
    hits: dict[str, list[bool]] = defaultdict(list)
    takes = player.takes([(each.text, i) for i, each in enumerate(held)], 0)
    for each, take in zip(held, takes, strict=True):
        for name in each.states:
            hits[name].append(take.header is not None and obeyed(name, each.wanted, take.header))
    return {name: share(hits[name]) for name in sorted(hits)}


def stated_tempo_heard(held: list[Held], takes: list[Take], seeds: int) -> Figure:
    """Measured tempo within 4 % of the stated one, where there are drums; `seeds` takes a prompt."""
    hits = []
    for i, take in enumerate(takes):
        each = held[i // seeds]
        if "bpm" in each.states and take.header is not None and take.header.drums != "none":
            hits.append(abs(measure(take.audio).bpm / each.wanted.bpm - 1) < TEMPO_TOLERANCE)
    return share(hits)


def freehand_obeyed(player: Player, seeds: int = 3) -> tuple[dict[str, Figure], list[str]]:
    """Shares of expectations and of whole prompts that are right, and what was missed, as text."""
    prompts = read_freehand()
    jobs = [(prompt.text, i * seeds + seed) for i, prompt in enumerate(prompts) for seed in range(seeds)]
    hits, wholes, missed = [], [], []
    for i, take in enumerate(player.takes(jobs, 0)):
        expected = prompts[i // seeds].expected
        wrong = [k for k, v in expected.items() if take.header is None or not meets(k, v, take.header)]
        hits += [name not in wrong for name in expected]
        wholes.append(not wrong)
        if wrong:
            missed.append(f"{take.prompt} [{take.seed}]: {', '.join(f'{k}={expected[k]}' for k in wrong)}")
    return {"freehand_expectations": share(hits), "freehand_prompts": share(wholes)}, missed


def opposites_ordered(player: Player, seeds: int = 3, seconds: float = 20) -> dict[str, Figure]:
    """How often the second prompt of a pair comes out faster, busier or brighter than the first, as heard."""
    found = {}
    for name, pairs in PAIRS.items():
        hits = []
        for low, high in pairs:
            takes = player.takes([(text, seed) for text in (low, high) for seed in range(seeds)], seconds)
            values = [_amount(name, take) for take in takes]
            hits += [a < b for a, b in zip(values[:seeds], values[seeds:], strict=True)]
        found[f"ordered_{name}"] = share(hits)
    return found


def _amount(name: str, take: Take) -> float:
    if name == "density":
        return notes.density(notes.legal_score(take.codes)[0])
    features = measure(take.audio)
    return features.bpm if name == "tempo" else features.brightness


def openness(player: Player) -> dict[str, Figure]:
    """Entropy of what a bare prompt leaves open, over that of as many draws from the prior."""
    drawn = [take.header for take in player.takes([(OPEN_PROMPT, seed) for seed in range(OPEN_DRAWS)], 0)]
    headers: list[Attributes] = [header for header in drawn if header is not None]
    prior = [sample_attributes(np.random.default_rng((9, i))) for i in range(len(headers))]
    ratios = {
        name: entropy([getattr(h, name) for h in headers]) / entropy([getattr(p, name) for p in prior])
        for name in OPEN_FIELDS
    }
    return {f"variety_{name}": Figure(r, r, r, len(headers)) for name, r in ratios.items()} | {
        "variety_mean": mean(list(ratios.values()))
    }
