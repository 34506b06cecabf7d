"""The judge's own runs of the shipped model are what users get from the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.judge.controls import composed
from training.judge.crew import Crew
from training.judge.engine import same_as_engine
from training.judge.pitch import RATE
from training.judge.takes import HEADER_SECONDS, Player, steps_for
from training.tokens import HEADER_FRAMES

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"
JOBS = [("slow sad piano, brushes, 61 bpm", 5), ("fast boom bap with a proper ending, 94 bpm", 6)]


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(FOLDER)


def test_a_take_is_the_engines_track_with_its_ending(player: Player) -> None:
    takes = player.takes(JOBS, 7)
    assert same_as_engine(FOLDER, takes, 7).value == 1
    for take in takes:
        assert take.header is not None
        assert len(take.audio) == 7 * RATE
        assert take.codes.shape[1] == HEADER_FRAMES + steps_for(7, take.header.bpm)


def test_a_take_of_another_prompt_is_not_the_engines_track(player: Player) -> None:
    take = player.takes(JOBS[:1], 5)[0]
    assert same_as_engine(FOLDER, [replace(take, prompt=JOBS[1][0])], 5).value == 0


def test_a_crew_gives_the_players_takes_in_their_order(player: Player) -> None:
    jobs = [(text, seed) for text, _ in JOBS for seed in range(5)]
    with Crew(FOLDER, 1) as crew:
        takes = crew.takes(jobs, 0)
        assert crew.map(len, ["a", "bcd"]) == [1, 3]
    assert [(take.prompt, take.seed) for take in takes] == jobs
    for take, own in zip(takes, player.takes(jobs, 0), strict=True):
        assert np.array_equal(take.codes, own.codes)


def test_headers_alone_are_those_of_whole_takes(player: Player) -> None:
    heads = player.takes(JOBS, 0)
    for head, take in zip(heads, player.takes(JOBS, HEADER_SECONDS, sound=False), strict=True):
        assert head.codes.shape == (4, HEADER_FRAMES)
        assert head.header == take.header
        assert len(take.audio) == 0


def test_a_composed_track_fills_its_seconds_to_the_sample(player: Player) -> None:
    header = player.takes(JOBS, 0)[0].header
    assert header is not None
    for seconds in (5, 8):
        audio = player.play(composed(header, None, seconds, (seconds,)), seconds)
        assert len(audio) == seconds * RATE
        assert np.abs(audio[-20:]).max() < 0.01
