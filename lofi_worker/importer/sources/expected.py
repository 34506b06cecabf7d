"""Which weights a config promises, and in which shapes."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

from lofi_worker.importer.data_file import ALIGNMENT
from lofi_worker.importer.sources.config import CodecConfig, DecoderConfig, ModelConfig, TextConfig
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.weights import StoredWeights

Shape = tuple[int, ...]
FLOAT32_BYTES = 4
BYTES_BESIDE = 4 * 2**20
"""The graphs without weights, the manifest, and a tokenizer like T5's with 2.4 MB."""


def require_weights(weights: StoredWeights, config: ModelConfig, source: Path) -> list[str]:
    """The names of all weights that the graphs are built of, checked without reading them.

    Raises BadCheckpoint naming the first weight that is missing or has another shape.
    """
    names = []
    for name, shape in expected_shapes(config):
        if name not in weights:
            raise BadCheckpoint(f"{source} does not hold what its config.json promises: no weight {name}")
        if weights.shape(name) != shape:
            raise BadCheckpoint(
                f"{source}: the weight {name} has the shape {list(weights.shape(name))},"
                f" config.json makes it {list(shape)}"
            )
        names.append(name)
    return names


def import_room(config: ModelConfig) -> int:
    """Bytes of disk that an import takes at most, in any precision.

    That is all weights in float32: a float32 language model is written first, to measure the others by, and
    is gone before they are written.
    """
    sizes = [prod(shape) for _, shape in expected_shapes(config)]
    sizes.append(config.decoder.max_position_embeddings * config.decoder.hidden_size)
    return sum(size * FLOAT32_BYTES + ALIGNMENT for size in sizes) + BYTES_BESIDE


def expected_shapes(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    """Name and shape of every weight, as in transformers' `MusicgenForConditionalGeneration`."""
    text, decoder = config.text_encoder, config.decoder
    yield from _text(text)
    if text.d_model != decoder.hidden_size:  # transformers leaves it out where both widths are the same
        yield "enc_to_dec_proj.weight", (decoder.hidden_size, text.d_model)
        yield "enc_to_dec_proj.bias", (decoder.hidden_size,)
    yield from _decoder(decoder)
    yield from _codec(config.audio_encoder, decoder.num_codebooks // decoder.audio_channels)


def _text(text: TextConfig) -> Iterator[tuple[str, Shape]]:
    inner = text.num_heads * text.d_kv
    yield "text_encoder.shared.weight", (text.vocab_size, text.d_model)
    bias = "text_encoder.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    yield bias, (text.relative_attention_num_buckets, text.num_heads)
    for i in range(text.num_layers):
        attention, dense = (f"text_encoder.encoder.block.{i}.layer.{j}" for j in (0, 1))
        for part in "qkv":
            yield f"{attention}.SelfAttention.{part}.weight", (inner, text.d_model)
        yield f"{attention}.SelfAttention.o.weight", (text.d_model, inner)
        yield f"{dense}.DenseReluDense.wi.weight", (text.d_ff, text.d_model)
        yield f"{dense}.DenseReluDense.wo.weight", (text.d_model, text.d_ff)
        for norm in (attention, dense):
            yield f"{norm}.layer_norm.weight", (text.d_model,)
    yield "text_encoder.encoder.final_layer_norm.weight", (text.d_model,)


def _decoder(decoder: DecoderConfig) -> Iterator[tuple[str, Shape]]:
    prefix, hidden = "decoder.model.decoder", decoder.hidden_size
    for q in range(decoder.num_codebooks):
        yield f"{prefix}.embed_tokens.{q}.weight", (decoder.vocab_size + 1, hidden)
        yield f"decoder.lm_heads.{q}.weight", (decoder.vocab_size, hidden)
    norms = [f"{prefix}.layer_norm"]
    for i in range(decoder.num_hidden_layers):
        layer = f"{prefix}.layers.{i}"
        norms += [f"{layer}.{norm}_layer_norm" for norm in ("self_attn", "encoder_attn", "final")]
        for attention in ("self_attn", "encoder_attn"):
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                yield f"{layer}.{attention}.{part}.weight", (hidden, hidden)
        yield f"{layer}.fc1.weight", (decoder.ffn_dim, hidden)
        yield f"{layer}.fc2.weight", (hidden, decoder.ffn_dim)
    for norm in norms:
        yield f"{norm}.weight", (hidden,)
        yield f"{norm}.bias", (hidden,)


def _codec(codec: CodecConfig, codebooks: int) -> Iterator[tuple[str, Shape]]:
    for q in range(codebooks):
        yield f"audio_encoder.quantizer.layers.{q}.codebook.embed", (codec.codebook_size, codec.hidden_size)
    layers = "audio_encoder.decoder.layers"
    width = codec.num_filters << len(codec.upsampling_ratios)
    yield from _convolution(f"{layers}.0.conv", (width, codec.hidden_size, codec.kernel_size), width)
    for i in range(codec.num_lstm_layers):
        for side in ("ih", "hh"):
            yield f"{layers}.1.lstm.weight_{side}_l{i}", (4 * width, width)
            yield f"{layers}.1.lstm.bias_{side}_l{i}", (4 * width,)
    layer = 2
    for ratio in codec.upsampling_ratios:
        half = width // 2
        yield from _convolution(f"{layers}.{layer + 1}.conv", (width, half, 2 * ratio), half)
        layer, width = layer + 2, half
        for _ in range(codec.num_residual_layers):
            block, inner = f"{layers}.{layer}.block", width // codec.compress
            kernel = (inner, width, codec.residual_kernel_size)
            yield from _convolution(f"{block}.1.conv", kernel, inner)
            yield from _convolution(f"{block}.3.conv", (width, inner, 1), width)
            layer += 1
    yield from _convolution(f"{layers}.{layer + 1}.conv", (1, width, codec.last_kernel_size), 1)


def _convolution(name: str, kernel: Shape, outputs: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}.weight", kernel
    yield f"{name}.bias", (outputs,)
