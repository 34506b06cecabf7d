"""Which files of a repository make a model."""

from __future__ import annotations

import pytest

from lofi_common.errors import ModelLoadFailed
from lofi_worker.install.choose import Format, check_names, choose_files

FACEBOOK = [
    ".gitattributes",
    "README.md",
    "compression_state_dict.bin",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "pytorch_model.bin",
    "spiece.model",
    "state_dict.bin",
    "tokenizer.json",
]
GABOTECHS = [
    "small/config.json",
    "small/tokenizer.json",
    "small_fp32/text_encoder.onnx",
    "small_fp32/decoder_model_merged.onnx",
    "small_fp32/decoder_model.onnx",
    "small_fp32/decoder_with_past_model.onnx",
    "small_fp32/encodec_decode.onnx",
    "small_fp16/text_encoder.onnx",
    "small_fp16/decoder_model.onnx",
    "small_fp16/decoder_model.onnx_data",
    "small_fp16/decoder_with_past_model.onnx",
    "small_fp16/encodec_decode.onnx",
]


def test_of_a_transformers_checkpoint_only_safe_files_are_taken() -> None:
    assert set(choose_files(FACEBOOK, "", None)) == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }


def test_shards_come_with_their_index() -> None:
    shards = [f"model-{n:05}-of-00002.safetensors" for n in (1, 2)]
    paths = ["config.json", "tokenizer.json", "model.safetensors.index.json", *shards, "pytorch_model.bin"]
    assert set(choose_files(paths, "", None)) == set(paths) - {"pytorch_model.bin"}
    with pytest.raises(ModelLoadFailed, match="not all of the shards"):
        choose_files(paths[:-2], "", None)


def test_an_export_takes_its_configuration_from_the_folder_beside_it() -> None:
    assert choose_files(GABOTECHS, "small_fp32", None) == [
        "small/config.json",
        "small/tokenizer.json",
        "small_fp32/text_encoder.onnx",
        "small_fp32/decoder_model_merged.onnx",
        "small_fp32/encodec_decode.onnx",
    ]
    # Without a merged decoder, the first step's one: it holds all weights. External data comes along.
    assert choose_files(GABOTECHS, "small_fp16", "optimum")[3:5] == [
        "small_fp16/decoder_model.onnx",
        "small_fp16/encodec_decode.onnx",
    ]
    assert choose_files(GABOTECHS, "small_fp16", None)[-1] == "small_fp16/decoder_model.onnx_data"


def test_an_export_in_the_folder_onnx_takes_its_configuration_from_above() -> None:
    graphs = ["text_encoder.onnx", "decoder_model_merged.onnx", "encodec_decode.onnx"]
    paths = ["config.json", "tokenizer.json", *(f"onnx/{name}" for name in graphs)]
    paths += ["onnx/decoder_model_merged_fp16.onnx"]
    assert set(choose_files(paths, "", None)) == set(paths[:-1])
    halves = [path.replace(".onnx", "_fp16.onnx") for path in paths[:-1]]
    assert set(choose_files(halves, "", None)) == set(halves)


@pytest.mark.parametrize("form", [None, "safetensors", "optimum"])
def test_a_repository_with_only_pickles_is_refused(form: Format | None) -> None:
    paths = [path for path in FACEBOOK if path != "model.safetensors"]
    with pytest.raises(ModelLoadFailed, match="only as pickles"):
        choose_files(paths, "", form)


def test_a_repository_whose_weights_lie_deeper_names_the_folders() -> None:
    with pytest.raises(ModelLoadFailed) as caught:
        choose_files(GABOTECHS, "", None)
    assert "small_fp16, small_fp32" in caught.value.details and "owner/name:folder" in caught.value.recovery


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_named(missing: str) -> None:
    with pytest.raises(ModelLoadFailed, match=missing):
        choose_files([path for path in FACEBOOK if path != missing], "", None)
    with pytest.raises(ModelLoadFailed, match=missing):
        choose_files([path for path in GABOTECHS if not path.endswith(missing)], "small_fp32", None)


@pytest.mark.parametrize(
    "paths", [["/etc/x"], ["../x"], ["a/../x"], ["a/.hidden"], ["a\\b"], ["a\nb"], ["a/x", "b/x"]]
)
def test_names_that_can_t_lie_in_one_folder(paths: list[str]) -> None:
    with pytest.raises(ModelLoadFailed):
        check_names(paths)
