"""README's sample prompts: the model that ships gives what each asks for, as music."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.judge.features import faults
from training.judge.prompts import Freehand, meets, read_freehand
from training.judge.takes import RATE, Player

ROOT = Path(__file__).parents[2]
PROMPTS = read_freehand(Path(__file__).with_name("readme_prompts.tsv"))
FOLDER = ROOT / "lofi_worker" / "models" / "lofi-tiny"
SEEDS = 5


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(FOLDER)


def test_the_readme_shows_these_ten() -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    assert shown.splitlines() == [prompt.text for prompt in PROMPTS]
    assert len(PROMPTS) == 10


@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt.text for prompt in PROMPTS])
def test_a_sample_prompt_gives_what_it_asks_for(player: Player, prompt: Freehand) -> None:
    headers = [take.header for take in player.takes([(prompt.text, seed) for seed in range(SEEDS)], 0)]
    for name, value in prompt.expected.items():
        right = [header is not None and meets(name, value, header) for header in headers]
        assert sum(right) >= SEEDS - 1, f"{name}={value}"


def test_the_sample_prompts_give_music(player: Player) -> None:
    takes = player.takes([(prompt.text, 1) for prompt in PROMPTS], 12)
    for take in takes:
        assert take.header is not None
        assert len(take.audio) == 12 * RATE
        found = faults(take.audio, take.header.bpm if take.header.drums != "none" else None)
        assert found == [], take.prompt
