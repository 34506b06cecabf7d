"""The model that ships: legal codes, obedience to plain prompts, music at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lofi_common.manifest import read_model
from training.composer.song import last_chord_at
from training.judge.features import faults
from training.judge.lists import STRANGE
from training.judge.notes import legal_score
from training.judge.takes import RATE, Player

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"
MOST_BYTES = 25_000_000


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(FOLDER)


def test_all_files_together_are_small() -> None:
    assert sum(spec.bytes for spec in read_model(FOLDER).manifest.files.values()) < MOST_BYTES


def test_a_take_is_the_same_every_time_and_music(player: Player) -> None:
    jobs = [("slow sad piano with soft drums, 70 bpm", 3), ("upbeat jazzy rhodes, boom bap drums", 4)]
    takes, again = player.takes(jobs, 12), player.takes(jobs, 12)
    for take, same in zip(takes, again, strict=True):
        assert np.array_equal(take.codes, same.codes)
        assert take.header is not None
        assert legal_score(take.codes)[1] == 0
        assert len(take.audio) == 12 * RATE
        assert faults(take.audio, take.header.bpm) == []


def test_strange_prompts_give_music(player: Player) -> None:
    for take in player.takes([(text, 1) for text, _ in STRANGE], 12):
        assert take.header is not None
        assert faults(take.audio) == [], take.prompt[:60]


def test_a_long_track_with_an_ending_ends_and_has_sections(player: Player) -> None:
    prompt = "rhodes and boom bap drums, upright bass, no rain, with a proper ending"
    takes = player.takes([(prompt, seed) for seed in range(4)], 60)
    ended, distinct = 0, []
    for take in takes:
        score, _ = legal_score(take.codes)
        at = last_chord_at(score.steps)
        struck = np.flatnonzero(score.chords[:, 1])
        ended += take.header is not None and take.header.ending and struck[-1] == at
        chords = score.chords[: score.steps // 64 * 64, 0].reshape(-1, 64)
        distinct.append(len({block.tobytes() for block in chords}))
    assert ended >= 3
    assert max(distinct) >= 3


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("lofi piano without drums", "drums", "none"),
        ("boom bap drums and rhodes", "drums", "boombap"),
        ("happy guitar", "mode", "major"),
        ("sad rhodes", "mode", "minor"),
        ("dark muffled piano", "tone", "dark"),
        ("piano and rain", "rain", True),
        ("vinyl crackle, rhodes", "vinyl", True),
        ("flute melody over guitar", "lead", "flute"),
        ("upright bass and piano", "bass", "upright"),
        ("electric piano beat", "keys", "rhodes"),
        ("muted trumpet and brushes", "drums", "brushes"),
        ("a saxophone over jazz chords", "lead", "sax"),
        ("soft 808 drums", "drums", "808"),
        ("lofi in F# minor", "key", 6),
        ("lofi with heavy swing", "swing", "heavy"),
        ("crickets and guitar", "night", True),
        ("in a café, piano", "cafe", True),
        ("wobbly cassette tape, rhodes", "tape", True),
        ("piano, drums and no bass", "bass", "none"),
        ("give it a proper ending", "ending", True),
    ],
)
def test_plain_words_are_obeyed(player: Player, prompt: str, field: str, value: object) -> None:
    headers = [take.header for take in player.takes([(prompt, seed) for seed in range(5)], 0)]
    right = [header is not None and getattr(header, field) == value for header in headers]
    assert sum(right) >= 4


def test_a_stated_tempo_is_played(player: Player) -> None:
    for bpm in (62, 75, 88):
        headers = [t.header for t in player.takes([(f"lofi beat, {bpm} bpm", seed) for seed in range(4)], 0)]
        near = [header is not None and abs(header.bpm / bpm - 1) < 0.04 for header in headers]
        assert sum(near) >= 3
