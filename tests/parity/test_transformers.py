"""The engine against transformers on the same weights: greedy, guidance scale 3."""

from pathlib import Path

import numpy as np
import pytest

from lofi_worker.musicgen.track import FADE_SECONDS
from tests.parity.engine_runs import PROMPTS, audio_of, golden, load, record_codes, record_logits, run, spec

SECONDS = [1, 2]


@pytest.mark.parametrize("i", range(len(PROMPTS)))
def test_greedy_tokens_are_those_of_transformers(tiny: Path, monkeypatch: pytest.MonkeyPatch, i: int) -> None:
    chunks = record_codes(monkeypatch)
    run(load(tiny), spec(PROMPTS[i], SECONDS[i], temperature=0.0))
    codes = np.concatenate(chunks)
    expected = golden()[f"tokens.{i}"].T
    assert codes.shape == (SECONDS[i] * 50, 4) == expected.shape
    assert np.array_equal(codes, expected)
    assert len(np.unique(expected)) > 20  # a constant track would prove nothing


@pytest.mark.parametrize("i", range(len(PROMPTS)))
def test_audio_is_that_of_transformers_up_to_the_final_fade(tiny: Path, i: int) -> None:
    audio = audio_of(run(load(tiny), spec(PROMPTS[i], SECONDS[i], temperature=0.0)))
    expected = golden()[f"audio.{i}"]
    assert audio.shape == (1, len(expected))
    fade = round(FADE_SECONDS * 32_000)
    assert np.abs(audio[0, :-fade] - expected[:-fade]).max() < 1e-4
    assert np.abs(expected[:-fade]).max() > 0.1
    assert abs(audio[0, -1]) < 1e-4


@pytest.mark.parametrize("i", range(len(PROMPTS)))
def test_logits_of_the_first_step_after_guidance(tiny: Path, monkeypatch: pytest.MonkeyPatch, i: int) -> None:
    seen = record_logits(monkeypatch)
    engine = load(tiny)
    engine.start(0, spec(PROMPTS[i], temperature=0.0))
    engine.step()
    assert np.abs(seen[0] - golden()[f"logits.{i}"]).max() < 1e-3


def test_eight_bits_stay_close_to_float(tiny: Path, tiny_int8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = record_logits(monkeypatch)
    for folder in (tiny, tiny_int8):
        engine = load(folder)
        engine.start(0, spec(temperature=0.0, guidance_scale=1.0))
        engine.step()
    exact, rounded = seen
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.97  # these weights amplify every error
    assert not np.array_equal(exact, rounded)
