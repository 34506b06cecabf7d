"""The judge finds drift, sections that do not differ, and endings that do not end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.attributes import Attributes, sample_attributes
from training.codec.stream import decode, open_codec
from training.composer import Plan
from training.composer.plan import FORMS
from training.composer.song import last_chord_at
from training.judge.controls import composed, looped
from training.judge.endings import close
from training.judge.endurance import closing, endurance, examine, examine_close
from training.judge.form import contrast
from training.judge.lists import ENDING_PROMPTS, LOOPING_PROMPTS
from training.judge.pitch import RATE
from training.judge.takes import Take, steps_for
from training.tokens import BLOCK_STEPS, HEADER_FRAMES, Codes

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"
PLAN = Plan(form=FORMS.index("ABABkBAB"), loop_a=0, loop_b=3, style=0)
HEADER = replace(
    sample_attributes(np.random.default_rng(0)), bpm=90, key=0, mode="major", drums="boombap", keys="piano",
    bass="upright", lead="none", pad=False, rain=False, cafe=False, night=False, vinyl=False, ending=False,
)  # fmt: skip
Play = Callable[[Attributes, Codes, int], Take]


@pytest.fixture(scope="module")
def play() -> Play:
    codec = open_codec(FOLDER / "codec.onnx")

    def played(header: Attributes, codes: Codes, seconds: int) -> Take:
        return Take("", 0, codes, decode(codec, codes)[0][: seconds * RATE], header)

    return played


@pytest.fixture(scope="module")
def minute(play: Play) -> Take:
    return play(HEADER, composed(HEADER, PLAN, 60, (0,)), 60)


def half(play: Play, minute: Take, header: Attributes) -> Take:
    """The minute with a second half that is played under another header."""
    other = play(header, composed(header, PLAN, 30, (0,)), 30)
    return replace(minute, audio=np.concatenate([minute.audio[: 30 * RATE], other.audio]))


def test_a_composed_track_holds_and_its_sections_differ(minute: Take) -> None:
    found = endurance(minute)
    assert found.holds, found
    assert contrast(minute.codes, minute.audio, HEADER.bpm).differs


def test_a_drift_of_tempo_is_found(play: Play, minute: Take) -> None:
    found = endurance(half(play, minute, replace(HEADER, bpm=84)))
    assert found.tempo_drift > 0.05
    assert not found.holds


def test_a_drift_of_key_is_found(play: Play, minute: Take) -> None:
    found = endurance(half(play, minute, replace(HEADER, key=1)))
    assert found.key_drift > 0.2
    assert not found.holds


def test_a_wrong_key_from_the_first_window_on_is_no_drift_but_found(minute: Take) -> None:
    found = endurance(replace(minute, header=replace(HEADER, key=6)))
    assert found.key_drift < 0.1
    assert found.in_key < 0.85
    assert not found.holds


def test_an_illegal_header_neither_holds_nor_ends(minute: Take) -> None:
    lost = replace(minute, header=None)
    assert examine(lost) is None and examine_close(lost) is None
    assert not any(closing(replace(lost, prompt=ENDING_PROMPTS[0]), None).values())
    assert closing(replace(lost, prompt=LOOPING_PROMPTS[0]), None) == {"others_play_on": False}


def test_half_a_minute_of_silence_is_found(minute: Take) -> None:
    audio = minute.audio.copy()
    audio[40 * RATE : 50 * RATE] = 0
    assert endurance(replace(minute, audio=audio)).silence > 0.3
    assert not endurance(replace(minute, audio=audio)).holds


def test_one_bar_for_ever_is_a_collapse(minute: Take) -> None:
    codes = minute.codes.copy()
    steps = codes.shape[1] - HEADER_FRAMES
    bar = codes[:, HEADER_FRAMES + BLOCK_STEPS : HEADER_FRAMES + BLOCK_STEPS + 16]
    codes[:, HEADER_FRAMES:] = np.tile(bar, steps // 16 + 1)[:, :steps]
    assert not endurance(replace(minute, codes=codes)).holds


def test_a_loop_has_no_sections_in_notes_or_sound(play: Play, minute: Take) -> None:
    codes = looped(minute.codes, 0)
    loop = contrast(codes, play(HEADER, codes, 60).audio, HEADER.bpm)
    track = contrast(minute.codes, minute.audio, HEADER.bpm)
    assert not loop.differs
    assert (loop.harmony, loop.texture) == (0, 0)
    assert loop.chords_heard < 0.1 < track.chords_heard
    assert loop.sound_heard < 1 < track.sound_heard


@pytest.fixture(scope="module")
def ended(play: Play) -> Take:
    header = replace(HEADER, ending=True)
    return play(header, composed(header, PLAN, 20, (1,)), 20)


def test_a_composed_ending_ends(ended: Take) -> None:
    found = close(ended)
    assert found.ends, found
    assert not found.plays_on


def test_a_track_that_is_cut_off_plays_on(minute: Take) -> None:
    found = close(minute)
    assert found.plays_on
    assert not found.ends


def test_a_hit_after_the_last_chord_is_no_ending(ended: Take) -> None:
    codes = ended.codes.copy()
    codes[0, -4] = 3  # a soft hat on the grid
    found = close(replace(ended, codes=codes))
    assert found.rest == 3
    assert not found.ends


def test_a_last_chord_that_is_not_the_tonic_is_no_ending(ended: Take) -> None:
    codes = ended.codes.copy()
    at = HEADER_FRAMES + last_chord_at(steps_for(20, HEADER.bpm))
    codes[1, at:] += 5 * 3
    assert not close(replace(ended, codes=codes)).tonic


def test_a_last_chord_that_sounds_on_is_no_ending(ended: Take) -> None:
    audio = ended.audio.copy()
    audio[-3 * RATE :] = 0.1 * np.sin(np.arange(3 * RATE) / 20)
    found = close(replace(ended, audio=audio))
    assert found.tonic and found.rest >= 10
    assert not found.ends
