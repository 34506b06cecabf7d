"""The composer and its tokens: reproducible, and nothing is lost between score and codes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training import tokens
from training.attributes import sample_attributes
from training.composer import compose
from training.composer.theory import MODE_SCALES, SCALES, VOICING_COUNT, voicings
from training.draws import track


def test_a_track_is_the_same_every_time() -> None:
    attributes, codes = track(seed=2, index=5)
    again, same = track(seed=2, index=5)
    assert attributes == again
    assert np.array_equal(codes, same)
    assert not np.array_equal(codes, track(seed=2, index=6)[1])


def test_the_composer_writes_what_it_wrote_when_the_model_was_trained() -> None:
    digest = hashlib.sha256()
    for index in range(20):
        digest.update(track(seed=1, index=index, bars=8)[1].tobytes())
    assert digest.hexdigest()[:16] == "210a74b0db53db90"


@pytest.mark.parametrize("index", range(30))
def test_header_and_score_survive_the_round_trip(index: int) -> None:
    rng = np.random.default_rng(index)
    attributes = sample_attributes(rng)
    score = compose(attributes, 12, rng)
    codes = tokens.encode_track(attributes, score)
    assert codes.shape == (4, tokens.HEADER_FRAMES + 12 * 16)
    assert tokens.decode_header(codes) == attributes
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
        edges = (0, tokens.STEP_CODES[q], tokens.SECOND_HEADER[q], tokens.FLUSH[q], tokens.CODEBOOK_SIZE)
        assert list(edges) == sorted(set(edges))
    assert len(set(voicings())) == VOICING_COUNT


@pytest.mark.parametrize("code", [-1, tokens.FIRST_HEADER[2] - 1, tokens.FLUSH[2]])
def test_a_header_out_of_range_is_refused(code: int) -> None:
    codes = track(seed=2, index=0, bars=1)[1]
    codes[2, 0] = code
    with pytest.raises(tokens.TokenError):
        tokens.decode_header(codes)


def test_tracks_are_what_their_attributes_say() -> None:
    for index in range(60):
        attributes, codes = track(seed=2, index=index, bars=8)
        score = tokens.decode_score(codes[:, tokens.HEADER_FRAMES :])
        body = slice(32, None)
        assert bool(score.drums[body].any()) == (attributes.drums != "none")
        if attributes.lead == "none":
            assert not score.lead.any()
        if attributes.drums != "none":
            assert score.drums[body, 1].reshape(-1, 16)[:, [4, 12]].all(), "snare on 2 and 4"
        pitches = [p for code, onset in score.chords if onset for p in voicings()[code]]
        scales = [{(attributes.key + i) % 12 for i in SCALES[name]} for name in MODE_SCALES[attributes.mode]]
        assert max(np.mean([p % 12 in scale for p in pitches]) for scale in scales) == 1.0


def test_a_track_goes_on_changing() -> None:
    for index in range(20):
        codes = track(seed=2, index=index)[1][:, tokens.HEADER_FRAMES :]
        blocks = [codes[:, i : i + 64].tobytes() for i in range(0, codes.shape[1], 64)]
        assert len(set(blocks)) >= 4


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
