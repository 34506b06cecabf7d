"""A checkpoint's config.json: every size that the graphs need, bounded, and every assumption they make.

The names and the defaults are those of transformers' `T5Config`, `MusicgenDecoderConfig` and `EncodecConfig`:
what a file leaves out has transformers' default.
"""

from math import prod
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from lofi_worker.importer.decoder_graph import DecoderShape
from lofi_worker.importer.encodec_graph import EncodecShape
from lofi_worker.importer.sources.files import read_small
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.text_graph import TextShape

MAX_CONFIG_BYTES = 2**20
MAX_CODEC_WIDTH = 8192
MAX_SAMPLES_PER_FRAME = 8192

# The largest published model has 48 layers of width 2048. The bounds leave room, and keep products small.
Layers = Annotated[int, Meta(ge=1, le=128)]
Heads = Annotated[int, Meta(ge=1, le=128)]
Width = Annotated[int, Meta(ge=8, le=8192)]
Inner = Annotated[int, Meta(ge=8, le=65_536)]
Kernel = Annotated[int, Meta(ge=1, le=31)]
Ratio = Annotated[int, Meta(ge=2, le=64)]

# What the graphs assume, and every published MusicGen checkpoint has.
ASSUMED = {
    "text_encoder": {
        "model_type": "t5",
        "is_gated_act": False,
        "dense_act_fn": "relu",
        "feed_forward_proj": "relu",
        "layer_norm_epsilon": 1e-6,
    },
    "decoder": {
        "model_type": "musicgen_decoder",
        "activation_function": "gelu",
        "scale_embedding": False,
    },
    "audio_encoder": {
        "model_type": "encodec",
        "norm_type": "weight_norm",
        "pad_mode": "reflect",
        "use_causal_conv": False,
        "use_conv_shortcut": False,
        "normalize": False,
        "audio_channels": 1,
        "chunk_length_s": None,
    },
}
UNSUPPORTED = {
    "musicgen_melody": "it is conditioned on a melody, which a prompt does not give",
    "musicgen_style": "it is conditioned on an excerpt of music, which a prompt does not give",
}


class TextConfig(msgspec.Struct, frozen=True, kw_only=True):
    model_type: str = "t5"
    vocab_size: Annotated[int, Meta(ge=2, le=1_000_000)] = 32_128
    d_model: Width = 512
    d_kv: Annotated[int, Meta(ge=1, le=512)] = 64
    d_ff: Inner = 2048
    num_layers: Layers = 6
    num_heads: Heads = 8
    relative_attention_num_buckets: Annotated[int, Meta(ge=4, le=1024, multiple_of=2)] = 32
    relative_attention_max_distance: Annotated[int, Meta(ge=2, le=4096)] = 128
    layer_norm_epsilon: float = 1e-6
    is_gated_act: bool = False
    dense_act_fn: str = "relu"
    feed_forward_proj: str = "relu"
    """What transformers makes the two above of, where a file leaves them out."""


class DecoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    model_type: str = "musicgen_decoder"
    vocab_size: Annotated[int, Meta(ge=2, le=65_536)] = 2048
    max_position_embeddings: Annotated[int, Meta(ge=64, le=16_384)] = 2048
    num_hidden_layers: Layers = 24
    ffn_dim: Inner = 4096
    num_attention_heads: Heads = 16
    hidden_size: Annotated[int, Meta(ge=8, le=8192, multiple_of=2)] = 1024
    num_codebooks: Annotated[int, Meta(ge=1, le=32)] = 4
    audio_channels: Annotated[int, Meta(ge=1, le=2)] = 1
    activation_function: str = "gelu"
    scale_embedding: bool = False


class CodecConfig(msgspec.Struct, frozen=True, kw_only=True):
    model_type: str = "encodec"
    sampling_rate: Annotated[int, Meta(ge=8000, le=96_000)] = 24_000
    audio_channels: int = 1
    normalize: bool = False
    chunk_length_s: float | None = None
    hidden_size: Width = 128
    num_filters: Annotated[int, Meta(ge=1, le=1024)] = 32
    num_residual_layers: Annotated[int, Meta(ge=0, le=8)] = 1
    upsampling_ratios: Annotated[tuple[Ratio, ...], Meta(min_length=1, max_length=8)] = (8, 5, 4, 2)
    norm_type: str = "weight_norm"
    kernel_size: Kernel = 7
    last_kernel_size: Kernel = 7
    residual_kernel_size: Kernel = 3
    dilation_growth_rate: Annotated[int, Meta(ge=1, le=8)] = 2
    use_causal_conv: bool = True
    use_conv_shortcut: bool = True
    pad_mode: str = "reflect"
    compress: Annotated[int, Meta(ge=1, le=16)] = 2
    num_lstm_layers: Annotated[int, Meta(ge=1, le=8)] = 2
    codebook_size: Annotated[int, Meta(ge=2, le=65_536)] = 1024
    codebook_dim: Width | None = None


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """config.json. `read_config` gives one whose parts fit together."""

    text_encoder: TextConfig
    decoder: DecoderConfig
    audio_encoder: CodecConfig

    def text_shape(self) -> TextShape:
        text = self.text_encoder
        return TextShape(
            layers=text.num_layers,
            hidden=text.d_model,
            heads=text.num_heads,
            head_dim=text.d_kv,
            ffn=text.d_ff,
            relative_buckets=text.relative_attention_num_buckets,
            relative_max_distance=text.relative_attention_max_distance,
        )

    def decoder_shape(self) -> DecoderShape:
        decoder = self.decoder
        return DecoderShape(
            layers=decoder.num_hidden_layers,
            hidden=decoder.hidden_size,
            heads=decoder.num_attention_heads,
            head_dim=decoder.hidden_size // decoder.num_attention_heads,
            ffn=decoder.ffn_dim,
            codebooks=decoder.num_codebooks,
            codebook_size=decoder.vocab_size,
        )

    def codec_shape(self) -> EncodecShape:
        codec, channels = self.audio_encoder, self.decoder.audio_channels
        return EncodecShape(
            codebooks=self.decoder.num_codebooks // channels,
            codebook_size=codec.codebook_size,
            channels=channels,
            filters=codec.num_filters,
            ratios=codec.upsampling_ratios,
            kernel=codec.kernel_size,
            last_kernel=codec.last_kernel_size,
            residual_kernel=codec.residual_kernel_size,
            residual_layers=codec.num_residual_layers,
            dilation_growth=codec.dilation_growth_rate,
            lstm_layers=codec.num_lstm_layers,
        )


class _Kind(msgspec.Struct, frozen=True):
    model_type: str = ""


def read_config(path: Path) -> ModelConfig:
    """Raises IncompleteCheckpoint without the file, BadCheckpoint when it describes no MusicGen model."""
    raw = read_small(path, MAX_CONFIG_BYTES)
    try:
        kind = msgspec.json.decode(raw, type=_Kind).model_type
        if kind == "musicgen":
            config = msgspec.json.decode(raw, type=ModelConfig)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadCheckpoint(f"{path} does not describe a MusicGen model: {error}") from error
    if kind != "musicgen":
        reason = UNSUPPORTED.get(kind, "only models of the type 'musicgen' can be imported")
        raise BadCheckpoint(f"{path} describes a model of the type {kind!r}: {reason}")
    for part, values in ASSUMED.items():
        for key, value in values.items():
            found = getattr(getattr(config, part), key)
            if found != value:
                raise BadCheckpoint(f"{path}: {part}.{key} = {found!r} is not supported, only {value!r}")
    for problem, wrong in _contradictions(config).items():
        if wrong:
            raise BadCheckpoint(f"{path} contradicts itself: {problem}")
    return config


def _contradictions(config: ModelConfig) -> dict[str, bool]:
    text, decoder, codec = config.text_encoder, config.decoder, config.audio_encoder
    hop, width = prod(codec.upsampling_ratios), codec.num_filters << len(codec.upsampling_ratios)
    narrowest = 2 * codec.num_filters // codec.compress
    return {
        "decoder.hidden_size is no multiple of num_attention_heads": bool(
            decoder.hidden_size % decoder.num_attention_heads
        ),
        "decoder.num_codebooks is no multiple of audio_channels": bool(
            decoder.num_codebooks % decoder.audio_channels
        ),
        "decoder.vocab_size is not audio_encoder.codebook_size": decoder.vocab_size != codec.codebook_size,
        "audio_encoder.codebook_dim is not its hidden_size": (
            codec.codebook_dim is not None and codec.codebook_dim != codec.hidden_size
        ),
        "audio_encoder.compress leaves no channels": narrowest < 1,
        f"audio_encoder.num_filters make {width} channels": width > MAX_CODEC_WIDTH,
        f"audio_encoder.upsampling_ratios make frames of {hop} samples": hop > MAX_SAMPLES_PER_FRAME,
        f"audio_encoder.sampling_rate = {codec.sampling_rate} makes no frame a second": (
            codec.sampling_rate < hop
        ),
        "text_encoder.relative_attention_max_distance is too small for its buckets": (
            text.relative_attention_max_distance <= text.relative_attention_num_buckets // 4
        ),
    }
