"""What the importer refuses, with the reason, and what it writes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from lofi_common.errors import ModelLoadFailed, ModelNotFound
from lofi_common.manifest import read_model
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.precision import Precision
from tests.parity.engine_runs import CHECKPOINT, audio_of, load, run, spec


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint, to be changed."""
    return shutil.copytree(CHECKPOINT, tmp_path / "checkpoint")


def convert(checkpoint: Path, precision: Precision = "fp32") -> Path:
    folder = checkpoint.parent / "model"
    convert_checkpoint(
        checkpoint, folder, 'the "tiny"', license="MIT", description="Äußerst klein", precision=precision
    )
    return folder


def change_config(checkpoint: Path, part: str, **values: Any) -> None:
    path = checkpoint / "config.json"
    config = json.loads(path.read_text())
    config[part].update(values)
    path.write_text(json.dumps(config))


def test_the_manifest_says_what_the_model_is(checkpoint: Path) -> None:
    folder = convert(checkpoint)
    model = read_model(folder)
    assert model.manifest.name == 'the "tiny"'
    assert model.manifest.description == "Äußerst klein"
    assert model.manifest.text.max_tokens == 256
    decoder, codec, sampling = model.manifest.decoder, model.manifest.codec, model.manifest.sampling
    assert (decoder.layers, decoder.heads, decoder.head_dim) == (2, 3, 16)
    assert (decoder.codebooks, decoder.codebook_size, decoder.delays) == (4, 64, [0, 1, 2, 3])
    assert (codec.sample_rate, codec.channels, codec.frames_per_second) == (32_000, 1, 50.0)
    assert (sampling.temperature, sampling.top_k, sampling.guidance_scale) == (1.0, 250, 3.0)
    assert sorted(model.manifest.files) == sorted(p.name for p in folder.iterdir() if p.name != "model.toml")


def test_the_same_checkpoint_gives_the_same_version(checkpoint: Path) -> None:
    first = read_model(convert(checkpoint)).version
    assert read_model(convert(checkpoint)).version == first
    assert read_model(convert(checkpoint, precision="int8")).version != first


def test_old_names_of_weight_norm_and_split_files(checkpoint: Path) -> None:
    alone = audio_of(run(load(convert(checkpoint)), spec())).tobytes()
    weights = load_file(checkpoint / "model.safetensors")
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g")
        .replace("parametrizations.weight.original1", "weight_v")
        .replace("text_encoder.shared", "text_encoder.encoder.embed_tokens"): value
        for name, value in weights.items()
    }
    assert renamed.keys() != weights.keys()
    (checkpoint / "model.safetensors").unlink()
    names = sorted(renamed)
    half = len(names) // 2
    for i, part in enumerate((names[:half], names[half:])):
        save_file({name: renamed[name] for name in part}, checkpoint / f"model-0000{i}-of-2.safetensors")
    assert audio_of(run(load(convert(checkpoint)), spec())).tobytes() == alone


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("audio_encoder", {"use_causal_conv": True}),
        ("audio_encoder", {"norm_type": "time_group_norm"}),
        ("decoder", {"activation_function": "relu"}),
        ("decoder", {"scale_embedding": True}),
        ("text_encoder", {"is_gated_act": True}),
    ],
)
def test_what_the_graphs_cannot_express_is_refused(
    checkpoint: Path, part: str, change: dict[str, Any]
) -> None:
    change_config(checkpoint, part, **change)
    with pytest.raises(ModelLoadFailed, match=rf"{part}\.{next(iter(change))}"):
        convert(checkpoint)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_checkpoint_without_a_file_is_refused(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    with pytest.raises(ModelNotFound):
        convert(checkpoint)


def test_a_checkpoint_without_a_weight_is_refused(checkpoint: Path) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    del weights["decoder.lm_heads.3.weight"]
    save_file(weights, checkpoint / "model.safetensors")
    with pytest.raises(ModelLoadFailed, match=r"decoder\.lm_heads\.3\.weight"):
        convert(checkpoint)


@pytest.mark.parametrize("text", ["{", "{}", '{"decoder": {}}'])
def test_another_config_is_refused(checkpoint: Path, text: str) -> None:
    (checkpoint / "config.json").write_text(text)
    with pytest.raises(ModelLoadFailed, match=r"config\.json"):
        convert(checkpoint)


@pytest.mark.parametrize("precision", ["fp32", "mixed"])
def test_progress_is_reported_to_the_end(checkpoint: Path, precision: Precision) -> None:
    lines: list[tuple[str, int, int]] = []
    convert_checkpoint(
        checkpoint,
        checkpoint.parent / "model",
        "tiny",
        license="MIT",
        description="random weights",
        precision=precision,
        report=lambda *line: lines.append(line),
    )
    stages = list(dict.fromkeys(stage for stage, _, _ in lines))
    measured = precision != "fp32"
    before, after = (["reference", "calibration"], ["agreement"]) if measured else ([], [])
    assert stages == [*before, "text_encoder", "decoder", "codec", *after]
    done = [done for _, done, _ in lines]
    assert done == sorted(done)
    assert {total for _, _, total in lines} == {done[-1]}
    grown = {stage for (stage, now, _), (_, last, _) in zip(lines[1:], lines, strict=False) if now > last}
    assert grown == {*stages} - {"calibration", "agreement"}
