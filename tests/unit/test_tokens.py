"""Codes beside a track: what is written is read, the same bytes for the same codes, and damage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lofi_common.errors import ModelInferenceFailed
from lofi_worker import tokens
from lofi_worker.engine import State
from lofi_worker.tokens import About

ABOUT = About(track_id="00ff", model_version="tiny-12345678", prompt="„regen“ am\nFenster")
CODES = np.random.default_rng(1).integers(0, 65_536, (40, 4))
STATE: State = {
    "state.lstm": np.arange(6, dtype=np.float32).reshape(2, 3),
    "state.frames": np.array(7),
    "state.none": np.zeros((1, 0, 4), np.float32),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tokens"
    path.write_bytes(tokens.encode(ABOUT, CODES, STATE))
    found = tokens.read(path)
    assert found.about == ABOUT and found.past.prompt == ABOUT.prompt
    assert found.past.codes.dtype == np.int64 and np.array_equal(found.past.codes, CODES)
    assert found.past.state is not None and found.past.state.keys() == STATE.keys()
    for name, array in STATE.items():
        assert found.past.state[name].dtype == array.dtype
        assert np.array_equal(found.past.state[name], array) and found.past.state[name].shape == array.shape


def test_codes_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.tokens"
    path.write_bytes(tokens.encode(ABOUT, CODES[:0], None))
    found = tokens.read(path)
    assert found.past.state is None and found.past.codes.shape == (0, 4)


def test_the_same_codes_are_the_same_bytes() -> None:
    assert len({tokens.encode(ABOUT, CODES, STATE) for _ in range(20)}) == 1


def test_a_minute_of_codes_takes_less_than_a_hundredth_of_its_audio() -> None:
    assert len(tokens.encode(ABOUT, CODES[:1].repeat(3000, 0), None)) < 60 * 32_000 * 2 / 100


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"\xff" * 100,
        tokens.encode(ABOUT, CODES, STATE)[:-1],
        tokens.encode(About(layout=2, track_id="a", model_version="m", prompt="p"), CODES, None),
        tokens.encode(ABOUT, CODES[0], None),
        tokens.encode(ABOUT, CODES, None).replace(b"U16", b"I16"),
        tokens.encode(ABOUT, CODES, None).replace(b"U16", b"BF16").replace(b"]}} ", b"]}}"),
        tokens.encode(ABOUT, CODES, None).replace(b"about", b"other"),
        tokens.encode(ABOUT, CODES, None).replace(b'"codes"', b'"xodes"'),
        tokens.encode(ABOUT, CODES, None).replace(b"model_version", b"model-version"),
    ],
    ids=[
        "none",
        "empty",
        "noise",
        "short",
        "later",
        "flat",
        "signed",
        "brain",
        "unsaid",
        "no codes",
        "no model",
    ],
)
def test_what_is_no_tokens_is_told(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "a.tokens"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelInferenceFailed, match=r"a\.tokens") as raised:
        tokens.read(path)
    assert raised.value.details and raised.value.recovery
