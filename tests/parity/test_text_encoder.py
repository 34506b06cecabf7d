"""The text encoder against transformers, and what becomes of prompts of any length."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

from lofi_common.manifest import read_model
from lofi_worker.importer.sources.source import open_source
from lofi_worker.importer.text_graph import build_text_encoder, relative_bucket
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import TextEncoder, truncate
from tests.parity.checkpoints import MONO
from tests.parity.engine_runs import PROMPTS, audio_of, golden, load, run, spec

LONG_PROMPT = " ".join(PROMPTS * 10)


def encoder_of(folder: Path, max_tokens: int) -> TextEncoder:
    session = Session(read_model(folder), "text_encoder.onnx", RunSettings(threads=1))
    return TextEncoder(Tokenizer.from_file(str(folder / "tokenizer.json")), session, max_tokens)


def test_a_text_beyond_the_largest_relative_distance_is_encoded_as_by_transformers(tiny: Path) -> None:
    text = encoder_of(tiny, 256).encode(LONG_PROMPT)
    expected = golden()["long_text"]
    assert text.tokens == len(expected) > 2 * 64
    keys = text.cross["cross.1.key"]
    assert keys.shape == (3, text.tokens, 16)
    assert np.abs(keys.transpose(1, 0, 2).reshape(expected.shape) - expected).max() < 1e-4
    assert expected.std() > 0.5


def test_states_are_those_of_transformers(tmp_path: Path) -> None:
    """Keys that are the states themselves: one layer, as wide as the text encoder, with the identity."""
    source = open_source(MONO)
    text = source.config.text_shape()
    identity = np.eye(text.hidden, dtype=np.float32)
    names = [name for name in source.weights if name.startswith("text_encoder.")]
    layer = "decoder.model.decoder.layers.0.encoder_attn"
    weights = {
        **{name: source.weights[name] for name in names},
        **{f"{layer}.{part}_proj.weight": identity for part in ("k", "v")},
    }
    decoder = replace(
        source.config.decoder_shape(), layers=1, hidden=text.hidden, heads=1, head_dim=text.hidden
    )
    graph = build_text_encoder(weights, text, decoder)
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    ids = np.array([Tokenizer.from_buffer(source.tokenizer).encode(LONG_PROMPT).ids])
    keys, _ = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    expected = golden()["states"]
    assert keys[0, 0].shape == expected.shape
    assert np.abs(keys[0, 0] - expected).max() < 1e-4
    assert expected.std() > 0.5


def test_relative_buckets_by_hand() -> None:
    distances = np.array([-200, -128, -91, -90, -23, -16, -8, -7, -1, 0, 1, 7, 8, 16, 90, 91, 128, 200])
    buckets = [15, 15, 15, 14, 11, 10, 8, 7, 1, 0, 17, 23, 24, 26, 30, 31, 31, 31]
    assert relative_bucket(distances, 32, 128).tolist() == buckets


def test_long_prompts_keep_their_end() -> None:
    assert truncate([5, 6, 7, 1], 4) == [5, 6, 7, 1]
    assert truncate([5, 6, 7, 8, 1], 4) == [5, 6, 7, 1]
    assert truncate([1], 4) == [1]


def test_what_is_cut_off_does_not_matter_and_what_is_kept_does(tiny: Path) -> None:
    encoder = encoder_of(tiny, 16)
    long, longer = encoder.encode(LONG_PROMPT), encoder.encode(LONG_PROMPT + " jazz jazz jazz")
    assert long.tokens == longer.tokens == 16
    assert np.array_equal(long.cross["cross.0.value"], longer.cross["cross.0.value"])
    other = encoder.encode("jazz " + LONG_PROMPT)
    assert not np.array_equal(long.cross["cross.0.value"], other.cross["cross.0.value"])


@pytest.mark.parametrize("prompt", ["🎹🌧️", "ünknown wörds", "x" * 1000, "lofi " * 200, "<pad> </s>", "\n"])
def test_any_prompt_makes_a_track(tiny: Path, prompt: str) -> None:
    assert audio_of(run(load(tiny), spec(prompt))).shape == (1, 32_000)


def test_the_prompt_matters(tiny: Path) -> None:
    engine = load(tiny)
    tracks = {audio_of(run(engine, spec(prompt))).tobytes() for prompt in ["jazz", "rain", LONG_PROMPT]}
    assert len(tracks) == 3
