"""The shipped codec graph: exact lengths, the same sound however it is cut, silence where the header says
so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from training.attributes import BPM_MAX, BPM_MIN
from training.codec.stream import decode, open_codec
from training.draws import track
from training.tokens import (
    DELAYS,
    FIRST_HEADER,
    HEADER_FRAMES,
    SECOND_HEADER,
    STEP_CODES,
    Codes,
    encode_header,
)

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"


@pytest.fixture(scope="module")
def codec() -> ort.InferenceSession:
    return open_codec(FOLDER / "codec.onnx")


def cut(total: int, largest: int, rng: np.random.Generator) -> list[int]:
    """Random chunk sizes that sum to `total`."""
    sizes: list[int] = []
    while sum(sizes) < total:
        sizes.append(min(int(rng.integers(1, largest + 1)), total - sum(sizes)))
    return sizes


def with_drums(codes: Codes, drums: int) -> Codes:
    changed = codes.copy()
    changed[2, 0] = FIRST_HEADER[2] + drums
    return changed


def with_lead(codes: Codes, lead: int) -> Codes:
    changed = codes.copy()
    changed[2, 1] = SECOND_HEADER[2] + lead
    return changed


@pytest.mark.parametrize("index", range(3))
def test_the_stream_equals_the_whole(codec: ort.InferenceSession, index: int) -> None:
    codes = track(2, index, bars=3)[1]
    whole = decode(codec, codes)[0]
    rng = np.random.default_rng(index)
    for largest in (1, 3, 40):
        pieces = decode(codec, codes, cut(codes.shape[1], largest, rng))
        assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_every_call_gives_exactly_the_samples_of_its_steps(codec: ort.InferenceSession) -> None:
    for index, bpm in enumerate((BPM_MIN, 67, 83, BPM_MAX)):
        codes = track(2, index, bars=3)[1]
        codes[0, 0] = FIRST_HEADER[0] + bpm - BPM_MIN
        sizes = cut(codes.shape[1], 9, np.random.default_rng(index))
        frames = np.cumsum(sizes)
        given = np.cumsum([len(piece) for piece in decode(codec, codes, sizes)])
        steps = np.maximum(frames - HEADER_FRAMES, 0)
        assert given.tolist() == (steps * 480_000 // bpm).tolist()


def test_the_header_makes_no_sound(codec: ort.InferenceSession) -> None:
    codes = encode_header(track(2, 0, bars=1)[0])
    assert [len(piece) for piece in decode(codec, codes, [2, 1, 2])] == [0, 0, 0]


def test_no_track_clips_and_levels_lie_close(codec: ort.InferenceSession) -> None:
    levels = []
    for index in range(10):
        audio = decode(codec, track(2, 50 + index, bars=4)[1])[0]
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() < 0.99
        levels.append(10 * np.log10(np.mean(audio**2)))
    assert min(levels) > -23 and max(levels) < -16


def test_what_the_header_excludes_is_silent(codec: ort.InferenceSession) -> None:
    codes = track(2, 3, bars=4)[1]
    rng = np.random.default_rng(0)
    other = codes.copy()
    other[0, HEADER_FRAMES:] = rng.integers(STEP_CODES[0], size=codes.shape[1] - HEADER_FRAMES)
    none = 2
    assert np.array_equal(
        decode(codec, with_drums(codes, none))[0], decode(codec, with_drums(other, none))[0]
    )
    assert not np.array_equal(decode(codec, with_drums(codes, 0))[0], decode(codec, with_drums(other, 0))[0])
    other = codes.copy()
    other[3, HEADER_FRAMES:] = rng.integers(STEP_CODES[3], size=codes.shape[1] - HEADER_FRAMES)
    assert np.array_equal(decode(codec, with_lead(codes, 0))[0], decode(codec, with_lead(other, 0))[0])


def test_a_position_far_into_a_track_sounds_like_its_own_steps(codec: ort.InferenceSession) -> None:
    codes = track(2, 1, bars=20)[1]
    whole = decode(codec, codes)[0]
    pieces = decode(codec, codes, [16] * (codes.shape[1] // 16) + [codes.shape[1] % 16])
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_any_codes_are_played_without_a_crash(codec: ort.InferenceSession) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 600, size=(len(DELAYS), 100))
    audio = decode(codec, codes)[0]
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() < 1
