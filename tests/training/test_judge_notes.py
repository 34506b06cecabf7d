"""The judge reads planted failures in the codes, and finds none in composed ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.attributes import Attributes, sample_attributes
from training.composer import Plan
from training.composer.plan import FORMS
from training.composer.progressions import loops
from training.judge import notes
from training.judge.controls import chance, composed, indoors, looped, shuffled
from training.tokens import FLUSH, HEADER_FRAMES, STEP_CODES, Codes, decode_header, decode_score, encode_track

STEADY = FORMS.index("AABBAABB")


def described(index: int, **changes: object) -> Attributes:
    drawn = sample_attributes(np.random.default_rng((6, index)))
    return replace(drawn, drums="boombap", bass="upright", lead="flute", ending=False, **changes)


@pytest.fixture(scope="module")
def tracks() -> list[tuple[Attributes, Codes]]:
    """Twelve tracks of 30 s with all voices."""
    return [(a, composed(a, None, 30, (i,))) for i in range(12) for a in [described(i)]]


def test_composed_tracks_keep_the_grid_and_the_scale(tracks: list[tuple[Attributes, Codes]]) -> None:
    for header, codes in tracks:
        assert min(notes.grid(codes, header).values()) > 0.95
        assert min(notes.in_scale(notes.legal_score(codes)[0], notes.scales_of(codes, header)).values()) > 0.9
        assert notes.plan_fits(codes, header)
        assert notes.voices_as_header(notes.legal_score(codes)[0], header)


def test_shuffled_steps_leave_the_grid(tracks: list[tuple[Attributes, Codes]]) -> None:
    found = [notes.grid(shuffled(codes, i), header) for i, (header, codes) in enumerate(tracks)]
    for name in ("chord_on_bar", "snare_on_2_and_4", "kick_on_1"):
        assert np.mean([each[name] for each in found]) < 0.4


def test_steps_by_chance_leave_the_scale(tracks: list[tuple[Attributes, Codes]]) -> None:
    found = [
        notes.in_scale(notes.legal_score(chance(codes, i))[0], notes.scales_of(codes, header))
        for i, (header, codes) in enumerate(tracks)
    ]
    assert np.mean([each["bass_in_scale"] for each in found]) < 0.75


def test_ghost_notes_are_no_backbeat() -> None:
    header = described(0)
    codes = composed(header, None, 30, (0,))
    drums = decode_score(codes[:, HEADER_FRAMES:]).drums
    ghosts = np.minimum(drums[:, 1], notes.HIT - 1)
    codes[0, HEADER_FRAMES:] = ((drums[:, 0] * 3 + ghosts) * 4 + drums[:, 2]) * 3 + drums[:, 3]
    assert notes.grid(codes, header)["snare_on_2_and_4"] == 0
    assert notes.grid(codes, header)["kick_on_1"] == 1


def test_struck_silence_is_no_chord_on_the_bar() -> None:
    header = described(0)
    codes = composed(header, None, 30, (0,))
    codes[2, HEADER_FRAMES:] = 1
    assert notes.grid(codes, header)["chord_on_bar"] == 0


def test_a_plan_names_the_scale_of_a_jazzy_track() -> None:
    header = described(1, mode="jazzy")
    for index, loop in enumerate(loops()):
        plan = Plan(form=STEADY, loop_a=index, loop_b=index, style=0)
        codes = encode_track(header, plan, decode_score(np.zeros((4, 16), np.int64)))
        both = ("major", "dorian")
        assert notes.scales_of(codes, header) == ((loop.scale,) if loop.scale in both else both)


def test_breaks_and_openings_are_no_fault_but_endings_count_only_where_they_are_said() -> None:
    header = described(3)
    plan = Plan(form=FORMS.index("iABAkABA"), loop_a=0, loop_b=1, style=0)
    bars = notes.full_bars(64 * 6, header, plan)
    assert set(bars // 64) == {1, 2, 3, 5}
    ended = notes.full_bars(64 * 6, replace(header, ending=True), plan)
    assert len(ended) == len(bars) - 1


def test_a_silent_lead_and_drums_nobody_asked_for_are_found() -> None:
    header = described(5)
    codes = composed(header, None, 30, (5,))
    silent = codes.copy()
    silent[3, HEADER_FRAMES:] = 0
    score = notes.legal_score(codes)[0]
    assert notes.voices_as_header(score, header)
    assert not notes.voices_as_header(notes.legal_score(silent)[0], header)
    assert not notes.voices_as_header(score, replace(header, drums="none"))


def test_loops_of_another_mode_do_not_fit() -> None:
    header = described(1, mode="major")
    minor = [i for i, loop in enumerate(loops()) if loop.mode == "minor"]
    codes = composed(header, Plan(form=STEADY, loop_a=minor[0], loop_b=minor[1], style=0), 20, (1,))
    assert not notes.plan_fits(codes, header)


def test_illegal_steps_are_counted_and_made_silent() -> None:
    codes = composed(described(2), None, 20, (2,))
    codes[1, HEADER_FRAMES : HEADER_FRAMES + 4] = FLUSH[1]
    codes[2, HEADER_FRAMES + 3 : HEADER_FRAMES + 6] = STEP_CODES[2]
    score, illegal = notes.legal_score(codes)
    assert illegal == 6 / (codes.shape[1] - HEADER_FRAMES)
    assert not score.bass[:4].any()


def test_busy_tracks_are_denser_than_sparse_ones() -> None:
    def density(index: int, word: str) -> float:
        codes = composed(described(index, density=word), None, 20, (index,))
        return notes.density(notes.legal_score(codes)[0])

    assert all(density(i, "sparse") < density(i, "busy") for i in range(12))


def test_a_copied_lead_is_found(tracks: list[tuple[Attributes, Codes]]) -> None:
    own = [codes for _, codes in tracks]
    known = {phrase for codes in own[:6] for phrase in notes.lead_phrases(codes)}
    copies, phrases = notes.copied(own[:6], known)
    assert copies == phrases > 0
    assert notes.copied(own[6:], known)[0] == 0


def test_a_note_held_on_is_no_onset_and_a_new_pitch_is_one() -> None:
    voice = np.array([[5, 1], [5, 0], [7, 0], [7, 2], [0, 0], [0, 1]])
    assert notes.onsets(voice).tolist() == [True, False, True, True, False, False]


def test_bars_in_common_are_counted(tracks: list[tuple[Attributes, Codes]]) -> None:
    first, second = tracks[0][1], tracks[1][1]
    assert notes.bars_shared(first, first) == 1
    assert notes.bars_shared(first, second) == 0


def test_one_block_for_ever_repeats_and_a_track_does_not() -> None:
    plan = Plan(form=STEADY, loop_a=0, loop_b=3, style=0)
    codes = composed(described(4, mode="major"), plan, 60, (4,))
    loop = notes.loop_repetition(notes.legal_score(looped(codes, 0))[0])
    assert loop == 1
    assert notes.loop_repetition(notes.legal_score(codes)[0]) < 0.9


def test_indoors_clears_what_is_around_the_music_and_nothing_else() -> None:
    header = described(7, rain=True, vinyl=True, night=True, cafe=False, tone="bright")
    still = decode_header(indoors(composed(header, None, 20, (7,))))
    assert still == replace(header, rain=False, vinyl=False, night=False)
