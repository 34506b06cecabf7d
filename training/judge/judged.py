"""Everything that is measured of one model folder, and of its controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.draws import HELD_OUT_SEED, track
from training.judge import notes, statistics
from training.judge.controls import altered, chance, real, reference, shuffled
from training.judge.crew import Crew
from training.judge.endurance import judge_endurance
from training.judge.faultless import clicking, strange
from training.judge.music import judge_music
from training.judge.obeys import captions_obeyed, freehand_obeyed, stated_tempo_heard
from training.judge.openness import openness
from training.judge.order import opposites_ordered
from training.judge.prompts import Freehand, Held, every_statement, held_out
from training.judge.statistics import Figure, single
from training.judge.takes import Take
from training.tokens import Codes

PROMPTS, SEEDS, SECONDS = 40, 3, 20
TEMPO_PROMPTS = 60  # that state a bpm and drums; one take each
TEMPO_SEED = 5_000
CAPTIONS, CASES = 600, 60  # of which only headers are made, at least; how often each attribute is stated
FRESH_TRACKS = 160

Figures = dict[str, Figure]
Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """takes: SEEDS of each held-out prompt; by_chance: prompts scored by what the next one asks for; details:
    single prompts and tracks, for the JSON.
    """

    takes: list[Take]
    long_takes: list[Take]
    music: Figures
    prompts: Figures
    by_chance: Figures
    long: Figures
    details: dict[str, Any]


def spectral_basis(crew: Crew) -> NDArray[np.float64]:
    """Spectral statistics of composed tracks for the held-out prompts, which Fréchet distances refer to."""
    described = reference(crew, [each.wanted for each in held_out(PROMPTS)], SECONDS)
    return statistics.spectral_statistics([take.audio for take in described])


def judge_model(crew: Crew, freehand: Sequence[Freehand], basis: NDArray[np.float64], log: Log) -> Judged:
    """All figures of the crew's model."""
    held = held_out(PROMPTS)
    # A seed of its own for each take: equal seeds draw alike what prompts leave open.
    jobs = [(each.text, i * SEEDS + seed) for i, each in enumerate(held) for seed in range(SEEDS)]
    takes = crew.takes(jobs, SECONDS)
    ones = takes[::SEEDS]
    music = _music(crew, takes, ones, basis, tracker=True)
    music["clicks"] = clicking(crew, ones, SECONDS)
    shared = [notes.bars_shared(a.codes, b.codes) for a, b in zip(ones, takes[1::SEEDS], strict=True)]
    music["bars_shared"] = statistics.mean(shared)
    log("takes")
    stated, lucky = captions_obeyed(crew, every_statement(CAPTIONS, CASES))
    by_hand, by_hand_lucky, missed = freehand_obeyed(crew, freehand)
    odd, odd_lucky, odd_rows = strange(crew)
    prompts = stated | _tempi(crew, held, takes)
    prompts |= by_hand | opposites_ordered(crew) | openness(crew) | odd
    log("prompts")
    long, long_takes, long_rows = judge_endurance(crew)
    log("two minutes")
    details = {"missed_freehand": missed, "strange": odd_rows, "long": long_rows}
    return Judged(takes, long_takes, music, prompts, lucky | by_hand_lucky | odd_lucky, long, details)


def music_controls(crew: Crew, takes: Sequence[Take], basis: NDArray[np.float64]) -> dict[str, Figures]:
    """Figures of the composer's tracks under the headers of these takes, of shuffled and of random steps."""
    composed = real(crew, takes, SECONDS)
    ones = composed[::SEEDS]
    found = {"real": _music(crew, composed, ones, basis, tracker=True)}
    found["real"]["clicks"] = clicking(crew, ones, SECONDS)
    for name, change in (("shuffled", shuffled), ("chance", chance)):
        control = altered(crew, ones, change, SECONDS)
        found[name] = _music(crew, control, control, basis, tracker=False)
    return found


def training_leads(work: Path) -> set[bytes]:
    """All lead phrases of the training tracks."""
    tracks = np.load(work / "tracks.npy", mmap_mode="r")
    return {phrase for each in tracks for phrase in notes.lead_phrases(np.asarray(each))}


def fresh_tracks() -> list[Codes]:
    """Composed tracks of a seed that training never saw: how many of their leads are copies by chance?"""
    return [track(HELD_OUT_SEED, index)[1] for index in range(FRESH_TRACKS)]


def copied_leads(tracks: Iterable[Codes], known: set[bytes]) -> Figure:
    """Share of lead phrases that a training track has note for note."""
    copies, phrases = notes.copied(tracks, known)
    return statistics.share([i < copies for i in range(phrases)])


def _music(
    crew: Crew, takes: Sequence[Take], one_each: Sequence[Take], basis: NDArray[np.float64], tracker: bool
) -> Figures:
    """Figures of a set as music; `one_each`: one take a prompt, for the Fréchet distance to `basis`."""
    distance = statistics.frechet(basis, statistics.spectral_statistics([take.audio for take in one_each]))
    return judge_music(crew, takes, tracker) | {"frechet": single(distance, len(one_each))}


def _tempi(crew: Crew, held: Sequence[Held], takes: Sequence[Take]) -> Figures:
    """Stated tempi as heard: in these takes, and in those of prompts that state a tempo and drums."""
    stating = held_out(TEMPO_PROMPTS, frozenset(("bpm", "drums")))
    timed = [each for each in stating if each.wanted.drums != "none"]
    more = crew.takes([(each.text, TEMPO_SEED + i) for i, each in enumerate(timed)], SECONDS)
    return stated_tempo_heard(crew, [*held, *timed], [*takes, *more])
