"""Turns a MusicGen checkpoint, as it lies on the Hub in safetensors, into a model folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from safetensors import safe_open

from lofi_common.errors import ModelLoadFailed, ModelNotFound
from lofi_common.manifest import CodecSpec, DecoderSpec, SamplingSpec, TextSpec
from lofi_worker.importer.decoder_graph import DecoderShape, build_decoder, sinusoidal_positions
from lofi_worker.importer.encodec_graph import EncodecShape, build_encodec
from lofi_worker.importer.manifest import write_manifest
from lofi_worker.importer.quantize import quantize
from lofi_worker.importer.text_graph import TextShape, build_text_encoder

MAX_TEXT_TOKENS = 256
CHUNK_FRAMES = 50  # one second: the few frames of context that the codec computes again cost little beside it
BLOCK_SIZE = 32
SAMPLING = SamplingSpec(temperature=1.0, top_k=250, top_p=0.0, guidance_scale=3.0)  # audiocraft's defaults

# What the graph builders assume, and every published MusicGen checkpoint has.
ASSUMED = {
    "text_encoder": {"is_gated_act": False, "dense_act_fn": "relu"},
    "decoder": {"activation_function": "gelu", "scale_embedding": False},
    "audio_encoder": {
        "norm_type": "weight_norm",
        "pad_mode": "reflect",
        "use_causal_conv": False,
        "use_conv_shortcut": False,
        "audio_channels": 1,
    },
}


def convert_checkpoint(
    folder: Path, out_folder: Path, name: str, *, license: str, description: str, bits: int | None = None
) -> str:
    """Writes the model folder `out_folder` and returns its model version.

    bits: None keeps float32; 8 or 4 stores the decoder's matrices so, and the text encoder's in 8.
    Raises ModelNotFound when a file is missing, ModelLoadFailed when it is not a MusicGen checkpoint.
    """
    if not (folder / "tokenizer.json").is_file():
        raise ModelNotFound(f"{folder} holds no tokenizer.json")
    config = _read_config(folder)
    weights = _read_weights(folder)
    text, decoder, codec = _text_shape(config), _decoder_shape(config), _codec_shape(config)
    max_steps = int(config["decoder"]["max_position_embeddings"])
    try:
        text_graph = build_text_encoder(weights, text, decoder)
        decoder_graph = build_decoder(weights, decoder, sinusoidal_positions(max_steps, decoder.hidden))
        codec_graph = build_encodec(weights, codec)
    except KeyError as error:
        raise ModelLoadFailed(f"{folder} is not a MusicGen checkpoint: it has no weight {error}") from error
    if bits is not None:
        text_graph = quantize(text_graph, 8, BLOCK_SIZE)
        decoder_graph = quantize(decoder_graph, bits, BLOCK_SIZE)

    out_folder.mkdir(parents=True, exist_ok=True)
    onnx.save(text_graph, out_folder / "text_encoder.onnx")
    onnx.save(decoder_graph, out_folder / "decoder.onnx")
    onnx.save(codec_graph, out_folder / "codec.onnx")
    shutil.copyfile(folder / "tokenizer.json", out_folder / "tokenizer.json")
    sample_rate = int(config["audio_encoder"]["sampling_rate"])
    return write_manifest(
        out_folder,
        name=name,
        license=license,
        description=description,
        text=TextSpec(max_tokens=MAX_TEXT_TOKENS),
        decoder=DecoderSpec(
            layers=decoder.layers,
            heads=decoder.heads,
            head_dim=decoder.head_dim,
            codebooks=decoder.codebooks,
            codebook_size=decoder.codebook_size,
            delays=[q // codec.channels for q in range(decoder.codebooks)],
            max_steps=max_steps,
        ),
        codec=CodecSpec(
            sample_rate=sample_rate,
            channels=codec.channels,
            frames_per_second=sample_rate / codec.hop,
            chunk_frames=CHUNK_FRAMES,
        ),
        sampling=SAMPLING,
    )


def _read_config(folder: Path) -> dict[str, Any]:
    """config.json, with every assumption of the builders checked."""
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelNotFound(f"the checkpoint's file {path} can't be read", details=str(error)) from error
    except ValueError as error:
        raise ModelLoadFailed(f"{path} is not JSON: {error}") from error
    for part, values in ASSUMED.items():
        if part not in config:
            raise ModelLoadFailed(f"{path} does not describe a MusicGen model: {part} is missing")
        for key, value in values.items():
            if config[part].get(key, value) != value:
                found = config[part][key]
                raise ModelLoadFailed(f"{path}: {part}.{key} = {found} is not supported, only {value}")
    return config


def _read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Every weight that generation needs, as float32, from one or more safetensors files."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelNotFound(f"{folder} holds no safetensors file")
    weights: dict[str, NDArray[np.float32]] = {}
    for path in files:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 (the file is no dict and cannot be iterated)
                if not name.startswith("audio_encoder.encoder."):
                    weights[name] = file.get_tensor(name).astype(np.float32)
    # The table is stored once, under either of the two names that share it.
    alias = weights.get("text_encoder.encoder.embed_tokens.weight")
    if alias is not None:
        weights.setdefault("text_encoder.shared.weight", alias)
    return weights


def _text_shape(config: dict[str, Any]) -> TextShape:
    text = config["text_encoder"]
    return TextShape(
        layers=text["num_layers"],
        hidden=text["d_model"],
        heads=text["num_heads"],
        head_dim=text["d_kv"],
        ffn=text["d_ff"],
        relative_buckets=text["relative_attention_num_buckets"],
        relative_max_distance=text["relative_attention_max_distance"],
    )


def _decoder_shape(config: dict[str, Any]) -> DecoderShape:
    decoder = config["decoder"]
    return DecoderShape(
        layers=decoder["num_hidden_layers"],
        hidden=decoder["hidden_size"],
        heads=decoder["num_attention_heads"],
        head_dim=decoder["hidden_size"] // decoder["num_attention_heads"],
        ffn=decoder["ffn_dim"],
        codebooks=decoder["num_codebooks"],
        codebook_size=decoder["vocab_size"],
    )


def _codec_shape(config: dict[str, Any]) -> EncodecShape:
    codec, decoder = config["audio_encoder"], config["decoder"]
    channels = decoder.get("audio_channels", 1)
    return EncodecShape(
        codebooks=decoder["num_codebooks"] // channels,
        codebook_size=codec["codebook_size"],
        channels=channels,
        filters=codec["num_filters"],
        ratios=tuple(codec["upsampling_ratios"]),
        kernel=codec["kernel_size"],
        last_kernel=codec["last_kernel_size"],
        residual_kernel=codec["residual_kernel_size"],
        residual_layers=codec["num_residual_layers"],
        dilation_growth=codec["dilation_growth_rate"],
        lstm_layers=codec["num_lstm_layers"],
    )
