"""Every published form of a checkpoint gives the same weights, bit for bit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from safetensors.numpy import load_file, save_file

from lofi_common.errors import ModelNotFound
from lofi_worker.importer.sources.source import Source, open_source
from tests.parity.checkpoints import (
    MERGED_FP16,
    MERGED_STEREO,
    MONO,
    SPLIT,
    STEREO,
    copy_of,
    export_of,
    write_safetensors,
)


def same_weights(source: Source, other: Source) -> bool:
    """Whether both hold all weights that generation needs, with the same bits."""
    assert list(source.weights) == list(other.weights)
    assert source.config == other.config
    assert source.tokenizer == other.tokenizer
    return all(
        np.array_equal(source.weights[name].view(np.uint32), other.weights[name].view(np.uint32))
        for name in source.weights
    )


def test_the_safetensors_reader_gives_what_the_library_gives() -> None:
    source, library = open_source(MONO), load_file(MONO / "model.safetensors")
    plain = [name for name in source.weights if name in library]
    assert len(plain) == len(source.weights) - 14  # the weight-normalised convolutions have halves instead
    for name in plain:
        weight = source.weights[name]
        assert weight.dtype == np.float32
        assert np.array_equal(weight, library[name].astype(np.float32))


@pytest.mark.parametrize(
    ("variant", "checkpoint"), [(SPLIT, MONO), (MERGED_FP16, MONO), (MERGED_STEREO, STEREO)]
)
def test_an_export_gives_the_weights_of_its_checkpoint(
    tmp_path: Path, variant: Path, checkpoint: Path
) -> None:
    export = open_source(export_of(variant, tmp_path / "export"))
    original = open_source(checkpoint)
    assert same_weights(export, original)
    assert not same_weights(open_source(MONO), other_weights(tmp_path))


def other_weights(tmp_path: Path) -> Source:
    """The mono checkpoint with one bit of one weight changed."""
    folder = copy_of(MONO, tmp_path / "other")
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    return open_source(folder)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path: Path) -> None:
    folder = copy_of(MONO, tmp_path / "checkpoint")
    whole = {name: value.astype(np.float32) for name, value in load_file(MONO / "model.safetensors").items()}
    header, body = {}, b""
    for name, value in whole.items():
        half = (value.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(value.shape),
            "data_offsets": [len(body), len(body) + len(half)],
        }
        body += half
    write_safetensors(folder / "model.safetensors", header, body)
    name = "decoder.lm_heads.0.weight"
    expected = (whole[name].view(np.uint32) & 0xFFFF0000).view(np.float32)
    assert np.array_equal(open_source(folder).weights[name], expected)
    assert not np.array_equal(expected, whole[name])


def in_shards(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    shards = {"one-of-2.safetensors": names[::2], "two-of-2.safetensors": names[1::2]}
    for file, held in shards.items():
        save_file({name: weights[name] for name in held}, folder / file)
    index = {"weight_map": {name: file for file, held in shards.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def with_old_names(folder: Path) -> None:
    """The spellings of weight norm, and of the shared table, that older checkpoints have."""
    renamed = {
        name.replace("parametrizations.weight.original0", "weight_g")
        .replace("parametrizations.weight.original1", "weight_v")
        .replace("text_encoder.shared", "text_encoder.encoder.embed_tokens"): value
        for name, value in load_file(folder / "model.safetensors").items()
    }
    assert "audio_encoder.decoder.layers.0.conv.weight_g" in renamed
    save_file(renamed, folder / "model.safetensors")


def as_float32(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: value.astype(np.float32) for name, value in weights.items()}, folder / "model.safetensors"
    )


@pytest.mark.parametrize("change", [in_shards, with_old_names, as_float32])
def test_forms_of_safetensors(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = copy_of(MONO, tmp_path / "checkpoint")
    change(folder)
    assert same_weights(open_source(folder), open_source(MONO))


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = copy_of(MONO, tmp_path / "checkpoint")
    in_shards(folder)
    (folder / "two-of-2.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"two-of-2\.safetensors"):
        open_source(folder)


def with_external_data(folder: Path) -> None:
    """Weights in a file beside the graph, as large exports have them."""
    for file in folder.glob("*.onnx"):
        model = onnx.load(file)
        onnx.save(
            model,
            file,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=f"{file.name}_data",
            size_threshold=0,
            convert_attribute=True,
        )
    assert (folder / "decoder_model.onnx_data").stat().st_size > 300_000


def with_plain_convolutions(folder: Path) -> None:
    """Weight norm folded by the exporter, its product an anonymous constant."""
    path = folder / "encodec_decode.onnx"
    model = onnx.load(path)
    weights = open_source(MONO).weights
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            module = ".".join(node.name.strip("/").split("/")[:-1])
            kernel = np.ascontiguousarray(weights[f"audio_encoder.{module}.weight"])
            node.input[1] = f"onnx::{node.op_type}_{len(model.graph.initializer)}"
            model.graph.initializer.append(numpy_helper.from_array(kernel, node.input[1]))
    for tensor in [t for t in model.graph.initializer if "original" in t.name]:
        model.graph.initializer.remove(tensor)
    onnx.save(model, path)


def with_names_on_transposed_matrices(folder: Path) -> None:
    """Matrices lie as the products use them, whatever they are called."""
    path = folder / "decoder_model.onnx"
    model = onnx.load(path)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in tensors:
            tensor = tensors[node.input[1]]
            tensor.name = ".".join(node.name.strip("/").split("/")[:-1]) + ".weight"
            node.input[1] = tensor.name
    onnx.save(model, path)


def in_a_folder_of_its_own(folder: Path) -> None:
    (folder / "onnx").mkdir()
    for file in folder.glob("*.onnx"):
        file.rename(folder / "onnx" / f"{file.stem}_fp16.onnx")


def beside_files_that_are_not_read(folder: Path) -> None:
    for name in ("decoder_with_past_model.onnx", "build_delay_pattern_mask.onnx", "notes.txt"):
        (folder / name).write_bytes(b"\xff" * 100)


@pytest.mark.parametrize(
    "change",
    [
        with_external_data,
        with_plain_convolutions,
        with_names_on_transposed_matrices,
        in_a_folder_of_its_own,
        beside_files_that_are_not_read,
    ],
)
def test_forms_of_exports(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = export_of(SPLIT, tmp_path / "export")
    change(folder)
    assert same_weights(open_source(folder), open_source(MONO))


def test_equal_weights_that_are_stored_once(tmp_path: Path) -> None:
    """The exporter keeps one of them, and lets an Identity stand for each other."""
    folder, deduplicated = (export_of(SPLIT, tmp_path / name) for name in ("twice", "once"))
    kept, dropped = (f"decoder.model.decoder.layers.{i}.final_layer_norm.bias" for i in (0, 1))
    model = onnx.load(folder / "decoder_model.onnx")
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants[dropped].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(constants[kept]), dropped))
    onnx.save(model, folder / "decoder_model.onnx")
    graph.initializer.remove(constants[dropped])
    graph.node.insert(0, helper.make_node("Identity", [kept], [dropped], name="Identity_7"))
    onnx.save(model, deduplicated / "decoder_model.onnx")
    assert same_weights(open_source(deduplicated), open_source(folder))


def test_variants_beside_the_folder_of_their_config(tmp_path: Path) -> None:
    """gabotechs/music_gen: small/config.json, small/tokenizer.json, small_fp32/*.onnx."""
    variant = export_of(SPLIT, tmp_path / "small_fp32")
    (tmp_path / "small").mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.move(variant / name, tmp_path / "small" / name)
    assert same_weights(open_source(variant), open_source(MONO))


def test_safetensors_come_before_exports(tmp_path: Path) -> None:
    folder = export_of(SPLIT, tmp_path / "export")
    shutil.copy(MONO / "model.safetensors", folder)
    (folder / "decoder_model.onnx").write_bytes(b"\xff")
    assert same_weights(open_source(folder), open_source(MONO))


def test_a_weight_is_read_anew_at_each_look_up() -> None:
    weights = open_source(MONO).weights
    first, second = (weights["decoder.lm_heads.0.weight"] for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.shares_memory(first, second)


def test_what_generation_does_not_need_is_not_there(tmp_path: Path) -> None:
    folder = copy_of(MONO, tmp_path / "checkpoint")
    weights = load_file(folder / "model.safetensors")
    weights["decoder.model.decoder.embed_positions.weights"] = np.full((2048, 48), np.nan, np.float16)
    weights["audio_encoder.encoder.layers.0.conv.weight_g"] = np.ones(1, np.float16)
    save_file(weights, folder / "model.safetensors")
    source = open_source(folder)
    assert "decoder.model.decoder.embed_positions.weights" not in source.weights
    assert same_weights(source, open_source(MONO))
