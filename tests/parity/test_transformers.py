"""The engine against transformers on the same weights: greedy, guidance scale 3."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_worker.musicgen.track import FADE_SECONDS
from tests.parity.checkpoints import MONO, STEREO
from tests.parity.engine_runs import (
    PROMPTS,
    STEREO_PROMPTS,
    audio_of,
    golden,
    load,
    record_codes,
    record_logits,
    run,
    spec,
)

SECONDS = [1, 2]
FORMS = [
    "mono",
    "mono, split export",
    "mono, merged float16 export",
    "stereo",
    "stereo, merged export",
]


def reference(form: str) -> tuple[Mapping[str, NDArray[Any]], list[str]]:
    """What transformers generated from the form's weights, and for which prompts."""
    return (golden(STEREO), STEREO_PROMPTS) if form.startswith("stereo") else (golden(), PROMPTS)


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("form", FORMS)
def test_greedy_tokens_are_those_of_transformers(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, form: str, i: int
) -> None:
    chunks = record_codes(monkeypatch)
    arrays, prompts = reference(form)
    run(load(models[form]), spec(prompts[i], SECONDS[i], temperature=0.0))
    codes = np.concatenate(chunks)
    expected = arrays[f"tokens.{i}"].T
    assert codes.shape == (SECONDS[i] * 50, 8 if form.startswith("stereo") else 4) == expected.shape
    assert np.array_equal(codes, expected)
    assert len(np.unique(expected)) > 20  # a constant track would prove nothing


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("form", FORMS)
def test_ten_seconds_of_greedy_tokens(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch, form: str, i: int
) -> None:
    chunks = record_codes(monkeypatch)
    checkpoint = STEREO if form.startswith("stereo") else MONO
    prompt = json.loads((checkpoint / "long_prompts.json").read_text())[i]
    run(load(models[form]), spec(prompt, 10, temperature=0.0))
    expected = golden(checkpoint)[f"long_tokens.{i}"].T
    assert len(expected) == 500
    assert np.array_equal(np.concatenate(chunks), expected)


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("form", FORMS)
def test_audio_is_that_of_transformers_up_to_the_final_fade(
    models: dict[str, Path], form: str, i: int
) -> None:
    arrays, prompts = reference(form)
    audio = audio_of(run(load(models[form]), spec(prompts[i], SECONDS[i], temperature=0.0)))
    expected = np.atleast_2d(arrays[f"audio.{i}"])
    assert audio.shape == expected.shape
    fade = round(FADE_SECONDS * 32_000)
    assert np.abs(audio[:, :-fade] - expected[:, :-fade]).max() < 1e-4
    assert np.abs(expected[:, :-fade]).max() > 0.1
    assert np.abs(audio[:, -1]).max() < 1e-4


@pytest.mark.parametrize("i", [0, 1])
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
