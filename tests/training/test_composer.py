"""The composer and its tokens: reproducible, and nothing is lost between score and codes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training import tokens
from training.attributes import Attributes, sample_attributes
from training.composer import Score, compose, sample_plan
from training.composer.melody import RANGES
from training.composer.plan import FORMS, Plan, section_at
from training.composer.progressions import MODE_SCALES, SCALES, Symbol, loops, read_symbol
from training.composer.song import (
    LAST_CHORD_STEPS,
    PAD_STEPS,
    SHORTEST_WITH_ENDING,
    SHORTEST_WITH_OUTRO,
    last_chord_at,
    outro_from,
)
from training.composer.theory import (
    BASS_COUNT,
    BASS_LOWEST,
    LEAD_LOWEST,
    VOICING_COUNT,
    chord_classes,
    transposition,
    voicings,
)
from training.draws import track

TONIC = 0


def composed(index: int, steps: int, **fixed: object) -> tuple[Attributes, Plan, Score]:
    rng = np.random.default_rng((77, index))
    attributes = replace(sample_attributes(rng), **fixed)  # type: ignore[arg-type]
    plan = sample_plan(attributes, rng)
    return attributes, plan, compose(attributes, plan, steps, rng)


def test_a_track_is_the_same_every_time() -> None:
    attributes, codes = track(seed=2, index=5)
    again, same = track(seed=2, index=5)
    assert attributes == again
    assert np.array_equal(codes, same)
    assert not np.array_equal(codes[:, :40], track(seed=2, index=6)[1][:, :40])


def test_the_composer_writes_what_it_wrote_when_the_model_was_trained() -> None:
    digest = hashlib.sha256()
    for index in range(20):
        digest.update(track(seed=1, index=index)[1].tobytes())
    assert digest.hexdigest()[:16] == "f3dd7921c9b926b7"


@pytest.mark.parametrize("index", range(30))
def test_header_and_score_survive_the_round_trip(index: int) -> None:
    attributes, plan, score = composed(index, 197)
    codes = tokens.encode_track(attributes, plan, score)
    assert codes.shape == (4, tokens.HEADER_FRAMES + 197)
    assert tokens.decode_header(codes) == attributes
    assert tokens.decode_plan(codes) == plan
    back = tokens.decode_score(codes[:, tokens.HEADER_FRAMES :])
    for name in ("drums", "bass", "chords", "lead"):
        assert np.array_equal(getattr(back, name), getattr(score, name)), name


def test_every_code_is_legal_where_it_stands() -> None:
    for index in range(20):
        codes = track(seed=2, index=index, bars=4)[1]
        for frame in range(codes.shape[1]):
            for q, shift in enumerate(tokens.DELAYS):
                assert tokens.legal_codes(frame + shift)[q, codes[q, frame]]


def test_code_ranges_are_disjoint_and_fit() -> None:
    for q in range(tokens.CODEBOOKS):
        starts = [frame[q] for frame in tokens.HEADER_STARTS]
        edges = [0, *starts, tokens.FLUSH[q], tokens.CODEBOOK_SIZE]
        assert edges == sorted(set(edges))
        assert starts[0] == tokens.STEP_CODES[q]
    assert len(set(voicings())) == VOICING_COUNT


@pytest.mark.parametrize("code", [-1, tokens.HEADER_STARTS[0][2] - 1, tokens.FLUSH[2]])
def test_a_header_out_of_range_is_refused(code: int) -> None:
    codes = track(seed=2, index=0, bars=1)[1]
    codes[2, 0] = code
    with pytest.raises(tokens.TokenError):
        tokens.decode_header(codes)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("I", Symbol(0, "maj")), ("vi", Symbol(9, "min")), ("V7", Symbol(7, "dom")),
        ("bVII", Symbol(10, "maj")), ("viio", Symbol(11, "dim")),
    ],
)  # fmt: skip
def test_roman_numerals_are_read(text: str, symbol: Symbol) -> None:
    assert read_symbol(text) == symbol


def test_chords_stay_in_their_scale_unless_they_are_borrowed() -> None:
    assert set(chord_classes(Symbol(2, "min"), "major", "ninth")) == {4, 5, 9, 0}
    # The minor ninth of iii is not in the scale: a seventh chord stands in.
    assert set(chord_classes(Symbol(4, "min"), "major", "ninth")) == {4, 7, 11, 2}
    # The borrowed iv of a major key keeps its flat note.
    assert 8 in chord_classes(Symbol(5, "min"), "major", "ninth")


def test_keys_are_reached_by_the_shorter_way() -> None:
    assert [transposition(key) for key in range(12)] == [0, 1, 2, 3, 4, 5, 6, -5, -4, -3, -2, -1]


def test_every_form_goes_on_after_its_eighth_section() -> None:
    for form in range(len(FORMS)):
        letters = [section_at(form, block) for block in range(16)]
        assert letters[8:] == [letter.replace("i", "A") for letter in letters[:8]]


def test_tracks_are_what_their_attributes_say() -> None:
    for index in range(60):
        attributes, plan, score = composed(index, 192, ending=False)
        full = [b for b in range(12) if section_at(plan.form, b // 4) not in "ik"]
        bars = score.drums.reshape(-1, 16, 4)[full]
        assert bool(bars.any()) == (attributes.drums != "none")
        if attributes.drums != "none":
            assert (bars[:, [4, 12], 1] == 2).all(), "snare on 2 and 4"
            assert bars[:, 0, 0].all(), "kick on 1"
        assert score.bass.any() == (attributes.bass != "none")
        assert score.lead.any() == (attributes.lead != "none")
        assert (score.chords.reshape(-1, 16, 2)[:, 0, 1] == 1).all(), "a chord on every bar"


def test_notes_lie_in_the_scale_but_for_borrowed_chords() -> None:
    inside, total = 0, 0
    for index in range(200):
        attributes, _, score = composed(index, 192)
        pitches = [p for code, touch in score.chords if touch for p in voicings()[code]]
        scales = [SCALES[name] for name in MODE_SCALES[attributes.mode]]
        inside += max(sum(p % 12 in scale for p in pitches) for scale in scales)
        total += len(pitches)
    assert 0.985 < inside / total < 1


def test_no_note_leaves_its_instrument() -> None:
    for index in range(100):
        attributes, _, score = composed(index, 192, ending=True)
        assert score.bass[:, 0].min() >= 0 and score.bass[:, 0].max() < BASS_COUNT
        pitches = score.lead[:, 0][score.lead[:, 0] > 0] + LEAD_LOWEST - 1
        if attributes.lead != "none":
            low, high = RANGES[attributes.lead]
            assert pitches.min() >= low and pitches.max() <= high


def test_sections_differ_and_the_first_comes_back() -> None:
    """Form ABAB…: B has other chords; A's chords and tune return, but for a player's change now and then."""
    other, same, tune, new_tune = 0, 0, 0, 0
    for index in range(40):
        rng = np.random.default_rng((78, index))
        attributes = replace(sample_attributes(rng), lead="flute", density="medium", ending=False)
        plan = replace(sample_plan(attributes, rng), form=FORMS.index("ABABkBAB"))
        score = compose(attributes, plan, 256, rng)
        chords = score.chords[:, 0].reshape(4, 64)
        lead = score.lead[:, 0].reshape(4, 64)
        other += (chords[0] == chords[1]).mean() < 0.9
        same += (chords[0] == chords[2]).mean() > 0.8
        tune += (lead[0] == lead[2]).mean() > 0.8
        new_tune += (lead[0] == lead[1]).mean() < 0.8
    assert other >= 38 and new_tune >= 38
    assert same >= 30 and tune >= 30


@pytest.mark.parametrize("steps", [SHORTEST_WITH_ENDING, 100, 107, 108, 255])
def test_an_ending_closes_on_the_tonic_and_rings(steps: int) -> None:
    at = last_chord_at(steps)
    assert at % 8 == 0 and LAST_CHORD_STEPS <= steps - at < LAST_CHORD_STEPS + 8
    for index in range(20):
        attributes, _, score = composed(index, steps, ending=True)
        assert not (score.chords[at + 1 :, 1].any() or score.bass[at + 1 :, 1].any())
        assert not score.drums[at + 1 :].any()
        held = PAD_STEPS if attributes.pad or attributes.keys == "pad" else steps
        assert score.chords[at, 1] == 1 and (score.chords[at : at + held, 0] == score.chords[at, 0]).all()
        assert not score.chords[at + held :].any()
        assert TONIC in {p % 12 for p in voicings()[score.chords[at, 0]]}
        if attributes.bass != "none":
            assert (BASS_LOWEST + score.bass[at, 0] - 1) % 12 == TONIC


@pytest.mark.parametrize("steps", [SHORTEST_WITH_OUTRO, 255, 300])
def test_two_bars_before_the_last_chord_the_lead_and_the_backbeat_rest(steps: int) -> None:
    first, at = 16 * outro_from(steps), last_chord_at(steps)
    assert 32 <= at - first < 48
    playing = 0
    for index in range(30):
        _, _, score = composed(index, steps, ending=True, drums="boombap")
        assert not score.drums[first:at, 1].any()
        assert not score.lead[first:at].any()
        assert score.chords[first:at, 1].any()
        playing += bool(score.drums[first:at, 2].any())
    assert playing > 20
    without = composed(0, steps, ending=False, drums="boombap")[2]
    assert without.drums[first:at, 1].any()


def test_short_tracks_have_no_outro() -> None:
    for index in range(9):
        _, _, score = composed(index, 100, ending=True, drums="boombap")
        assert score.drums[48:80, 1].any()


def test_without_an_ending_the_music_goes_on_to_its_last_bar() -> None:
    for index in range(20):
        _, _, score = composed(index, 250, ending=False)
        assert score.chords[240:, 1].any()


def test_drummers_drag_and_play_ghost_notes() -> None:
    scores = [composed(index, 128, drums="boombap", density="medium")[2] for index in range(40)]
    ghosts = [bool((score.drums[:, 1] == 1).any()) for score in scores]
    drags = [bool(score.drums[36::16, 3].all()) for score in scores]
    assert 10 < sum(ghosts) < 40
    assert 10 < sum(drags) < 38


def test_slow_tracks_leave_no_long_gaps() -> None:
    """Keys that die away are struck again before their sound is over."""
    for index in range(60):
        _, _, score = composed(index, 128, bpm=60, keys="piano", density="sparse", ending=False)
        struck = np.flatnonzero(score.chords[:, 1])
        assert np.diff(struck).max() < 12


def test_all_loops_are_four_bars_of_known_chords() -> None:
    assert len(set(loops())) == len(loops())
    assert {loop.mode for loop in loops()} == {"major", "minor", "jazzy"}
    assert all(len(loop.bars) == 4 for loop in loops())


def test_what_the_tests_and_the_judge_need_loads_neither_torch_nor_onnx() -> None:
    program = (
        "import sys, training.draws, training.codec.stream, training.judge.features, training.judge.prompts\n"
        "print([name for name in ('torch', 'onnx', 'librosa', 'matplotlib') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"
