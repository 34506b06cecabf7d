"""Weights that give no numbers, files that are not what they should be, slots that are used wrongly."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from lofi_common.errors import ModelInferenceFailed, ModelLoadFailed, ModelNotFound
from lofi_common.manifest import read_model
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.manifest import write_manifest
from lofi_worker.importer.sources import weights as weights_module
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.engine_runs import CHECKPOINT, PROMPTS, audio_of, golden, load, run, spec

Poison = Callable[[str, int | slice], Path]


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Makes the tiny model with some rows of a weight set to NaN, which the importer would refuse."""
    monkeypatch.setattr(weights_module, "require_finite", lambda *_: None)
    return lambda name, rows: convert_with_nan(tmp_path, name, rows)


def convert_with_nan(tmp_path: Path, name: str, rows: int | slice) -> Path:
    source, folder = tmp_path / "checkpoint", tmp_path / "model"
    shutil.copytree(CHECKPOINT, source)
    weights = load_file(source / "model.safetensors")
    weights[name][rows] = np.nan
    save_file(weights, source / "model.safetensors")
    convert_checkpoint(source, folder, "tiny", license="MIT", description="NaN", precision="fp32")
    return folder


def test_non_finite_logits_are_an_error_in_the_first_step(poisoned: Poison) -> None:
    engine = load(poisoned("decoder.lm_heads.2.weight", 5))
    results = run(engine, spec())
    assert len(results) == 1
    assert isinstance(results[0].error, ModelInferenceFailed)
    assert "not finite" in str(results[0].error)
    assert results[0].audio is None
    assert not engine.step()  # the slot is free again


def test_only_the_slot_with_the_bad_prompt_fails(tiny: Path, poisoned: Poison) -> None:
    word = Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json")).token_to_id("night")
    engine = load(poisoned("text_encoder.shared.weight", word), slots=2)
    alone = audio_of(run(load(tiny), spec(seed=4)))
    engine.start(0, spec("piano at night"))
    results = run(engine, spec(seed=4), slot=1)
    assert np.array_equal(audio_of(results), alone)
    assert isinstance(run(engine, spec("piano at night"))[-1].error, ModelInferenceFailed)


def test_a_slot_is_clean_after_a_track_that_failed_in_the_middle(poisoned: Poison) -> None:
    first, second = (golden()[f"tokens.{i}"][0] for i in (0, 1))
    fatal = next(code for code in first[5:] if code not in second and code not in first[:5])
    weight = "decoder.model.decoder.embed_tokens.0.weight"
    engine = load(poisoned(weight, int(fatal)))
    failed = run(engine, spec(PROMPTS[0], temperature=0.0))
    assert failed[-1].error is not None
    assert len(failed) == list(first).index(fatal) + 2
    audio = audio_of(run(engine, spec(PROMPTS[1], 2, temperature=0.0)))
    assert np.abs(audio[0, :-1600] - golden()["audio.1"][:-1600]).max() < 1e-4


def test_a_codec_that_gives_no_numbers_is_an_error(poisoned: Poison) -> None:
    weight = "audio_encoder.quantizer.layers.0.codebook.embed"
    results = run(load(poisoned(weight, slice(None))), spec())
    assert isinstance(results[-1].error, ModelInferenceFailed)
    assert "codec" in str(results[-1].error)


FILES = ["model.toml", "tokenizer.json", "text_encoder.onnx", "decoder.onnx", "codec.onnx"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tiny: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ModelNotFound, match=name):
        load(folder)


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("damage", ["flipped", "truncated"])
def test_a_damaged_file_is_named(tiny: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data if damage == "flipped" else data[:-1])
    with pytest.raises(ModelLoadFailed, match=name):
        load(folder)


@pytest.mark.parametrize("name", FILES[1:])
def test_rubbish_that_the_manifest_vouches_for_is_named(tiny: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    manifest = read_model(folder).manifest
    (folder / name).write_bytes(b"\xff\xfe rubbish \x80")
    write_manifest(
        folder,
        name="tiny",
        license="MIT",
        description="",
        text=manifest.text,
        decoder=manifest.decoder,
        codec=manifest.codec,
        sampling=manifest.sampling,
    )
    with pytest.raises(ModelLoadFailed, match=name):
        load(folder)


def test_a_slot_that_is_busy_or_not_there_is_refused(tiny: Path) -> None:
    engine = load(tiny, slots=2)
    engine.start(1, spec())
    for slot in (1, 2, -1):
        with pytest.raises(ValueError, match="not a free one"):
            engine.start(slot, spec())
    engine.stop(0)  # free already: nothing happens


def test_a_graph_that_fails_is_named(tiny: Path) -> None:
    session = Session(read_model(tiny), "text_encoder.onnx", RunSettings(threads=1))
    with pytest.raises(ModelInferenceFailed, match=r"text_encoder\.onnx"):
        session.run({"input_ids": np.zeros((1, 3), np.int64), "attention_mask": np.zeros((1, 4), np.int64)})
