"""What a config.json may say: the published models' sizes, and bounds for everything."""

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

from lofi_common.catalogue import CatalogueEntry, catalogue_folder, read_catalogue
from lofi_common.errors import ModelLoadFailed
from lofi_worker.importer.sources.config import ModelConfig, read_config
from lofi_worker.importer.sources.expected import expected_shapes

TEXT = {
    "model_type": "t5",
    "vocab_size": 32_128,
    "d_model": 768,
    "d_kv": 64,
    "d_ff": 3072,
    "num_layers": 12,
    "num_heads": 12,
    "feed_forward_proj": "relu",
    "task_specific_params": {"summarization": {"num_beams": 4}},
}
CODEC = {
    "model_type": "encodec",
    "sampling_rate": 32_000,
    "num_filters": 64,
    "upsampling_ratios": [8, 5, 4, 4],
    "codebook_size": 2048,
    "codebook_dim": 128,
    "use_causal_conv": False,
    "use_conv_shortcut": False,
    "target_bandwidths": [2.2],
    "chunk_length_s": None,
}
DECODER = {"model_type": "musicgen_decoder", "vocab_size": 2048, "num_codebooks": 4}
SIZES = {"small": (1024, 24, 16), "medium": (1536, 48, 24), "large": (2048, 48, 32)}


def config(**parts: dict[str, Any]) -> dict[str, Any]:
    """musicgen-small's config, with changes in some of its parts."""
    return {
        "model_type": "musicgen",
        "text_encoder": TEXT | parts.get("text_encoder", {}),
        "decoder": DECODER | parts.get("decoder", {}),
        "audio_encoder": CODEC | parts.get("audio_encoder", {}),
    }


def read(tmp_path: Path, content: dict[str, Any]) -> ModelConfig:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    return read_config(path)


def published(tmp_path: Path, size: str, stereo: bool) -> ModelConfig:
    hidden, layers, heads = SIZES[size]
    decoder: dict[str, Any] = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "ffn_dim": 4 * hidden,
    }
    if stereo:
        decoder |= {"audio_channels": 2, "num_codebooks": 8}
    return read(tmp_path, config(decoder=decoder))


@pytest.mark.parametrize("stereo", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_published_models(tmp_path: Path, size: str, stereo: bool) -> None:
    hidden, layers, heads = SIZES[size]
    model = published(tmp_path, size, stereo)
    shape, codec = model.decoder_shape(), model.codec_shape()
    assert (shape.layers, shape.hidden, shape.heads, shape.head_dim) == (layers, hidden, heads, 64)
    assert shape.codebooks == (8 if stereo else 4)
    assert (codec.codebooks, codec.channels) == (4, 2 if stereo else 1)
    assert (codec.hop, codec.width, model.audio_encoder.sampling_rate) == (640, 1024, 32_000)
    assert model.text_shape().head_dim * model.text_shape().heads == 768


HALF_OF_THE_CODEC = 118_000_000
"""Bytes of what safetensors hold and no ONNX export does: EnCodec's encoder."""


@pytest.mark.parametrize("entry", read_catalogue(catalogue_folder()).values(), ids=lambda entry: entry.name)
def test_sizes_that_the_catalogue_computes(tmp_path: Path, entry: CatalogueEntry) -> None:
    size, stereo = next(size for size in SIZES if size in entry.name), "stereo" in entry.name
    weights = sum(prod(shape) for _, shape in expected_shapes(published(tmp_path, size, stereo)))
    computed = weights * (2 if "fp16" in entry.name else 4)
    computed += HALF_OF_THE_CODEC if entry.format == "safetensors" else 0
    assert (entry.about_bytes or entry.download_bytes) == pytest.approx(computed, rel=0.01)


def test_the_parameters_of_the_small_model_add_up(tmp_path: Path) -> None:
    """The counts of MusicGen's parts are known: 109.6 M in T5-base's encoder, 419.6 M in the decoder."""
    totals: dict[str, int] = {}
    for name, shape in expected_shapes(read(tmp_path, config())):
        size = 1
        for dim in shape:
            size *= dim
        part = "decoder" if name.startswith("enc_to_dec_proj") else name.split(".")[0]
        totals[part] = totals.get(part, 0) + size
    assert round(totals["text_encoder"] / 1e6, 1) == 109.6
    assert round(totals["decoder"] / 1e6, 1) == 420.4  # with the projection of the text, 0.8 M
    assert 28e6 < totals["audio_encoder"] < 30e6


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("decoder", "num_hidden_layers", 10**9),
        ("decoder", "num_hidden_layers", 0),
        ("decoder", "num_hidden_layers", -1),
        ("decoder", "num_hidden_layers", "24"),
        ("decoder", "num_hidden_layers", 24.5),
        ("decoder", "hidden_size", 2**40),
        ("decoder", "hidden_size", 1025),
        ("decoder", "num_attention_heads", 7),
        ("decoder", "ffn_dim", 2**31),
        ("decoder", "num_codebooks", 1000),
        ("decoder", "audio_channels", 6),
        ("decoder", "vocab_size", 2**31),
        ("decoder", "vocab_size", 2049),
        ("decoder", "max_position_embeddings", 2**31),
        ("text_encoder", "num_layers", 10_000),
        ("text_encoder", "d_model", 2**31),
        ("text_encoder", "vocab_size", 2**40),
        ("text_encoder", "relative_attention_num_buckets", 31),
        ("text_encoder", "relative_attention_max_distance", 2**31),
        ("text_encoder", "relative_attention_max_distance", 8),
        ("text_encoder", "layer_norm_epsilon", 1e-5),
        ("text_encoder", "dense_act_fn", "gelu_new"),
        ("text_encoder", "feed_forward_proj", "gelu"),
        ("text_encoder", "feed_forward_proj", "gated-gelu"),
        ("text_encoder", "model_type", "bert"),
        ("audio_encoder", "sampling_rate", 0),
        ("audio_encoder", "sampling_rate", 10**9),
        ("audio_encoder", "upsampling_ratios", []),
        ("audio_encoder", "upsampling_ratios", [8] * 100),
        ("audio_encoder", "upsampling_ratios", [64, 64, 64]),
        ("audio_encoder", "upsampling_ratios", [8, 0, 4, 4]),
        ("audio_encoder", "upsampling_ratios", [8, -5, 4, 4]),
        ("audio_encoder", "num_filters", 2**20),
        ("audio_encoder", "num_filters", 1024),
        ("audio_encoder", "num_residual_layers", 10_000),
        ("audio_encoder", "num_lstm_layers", 10_000),
        ("audio_encoder", "kernel_size", 2**31),
        ("audio_encoder", "codebook_size", 1024),
        ("audio_encoder", "codebook_dim", 64),
        ("audio_encoder", "model_type", "dac"),
        ("audio_encoder", "normalize", True),
        ("audio_encoder", "chunk_length_s", 1.0),
        ("audio_encoder", "audio_channels", 2),
    ],
)
def test_sizes_that_cannot_be(tmp_path: Path, part: str, key: str, value: object) -> None:
    with pytest.raises(ModelLoadFailed, match=rf"{part}\.{key}|{key}"):
        read(tmp_path, config(**{part: {key: value}}))


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("musicgen_melody", "melody"),
        ("musicgen_style", "excerpt"),
        ("llama", "only models of the type 'musicgen'"),
        ("", "only models"),
    ],
)
def test_other_models_are_refused_by_name(tmp_path: Path, model_type: str, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        read(tmp_path, config() | {"model_type": model_type})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"model_type": "musicgen"}',
        b'{"model_type": 7}',
        b'{"model_type": "musicgen", "decoder": []}',
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b" " * (2**20 + 1),
    ],
    ids=["empty", "open", "list", "null", "bytes", "bare", "number", "part", "deep", "deeper", "large"],
)
def test_what_is_no_config(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=r"config\.json"):
        read_config(path)
