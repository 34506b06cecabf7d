"""Builds decoder.onnx: the MusicGen language model with a KV cache that is written in place.

The architecture is that of "Simple and Controllable Music Generation" (Copet et al., 2023, section 2), the
weight names are those of transformers' `MusicgenForConditionalGeneration`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from lofi_worker.importer.graph import (
    FLOAT,
    IN_FULL,
    INT8,
    INT32,
    INT64,
    MICROSOFT,
    GraphBuilder,
    Storage,
    Weights,
)

NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class DecoderShape:
    """The sizes of a decoder. `rotary_base` turns on rotary positions (half-split) in self-attention."""

    layers: int
    hidden: int
    heads: int
    head_dim: int
    ffn: int
    codebooks: int
    codebook_size: int
    rotary_base: float | None = None


@dataclass(frozen=True)
class CacheScales:
    """What one step of the int8 codes in a layer's cache is worth: float32 [heads * head_dim] each."""

    key: NDArray[np.float32]
    value: NDArray[np.float32]


def sinusoidal_positions(steps: int, hidden: int) -> NDArray[np.float32]:
    """MusicGen's position table, float32 [steps, hidden]: cosines in the first half, sines in the second.

    Source: transformers `MusicgenSinusoidalPositionalEmbedding` (the divisor of the exponent is half - 1).
    """
    half = hidden // 2
    step = np.float32(-np.log(10_000.0) / (half - 1))
    frequencies = np.exp(np.arange(half, dtype=np.float32) * step)
    angles = np.arange(steps, dtype=np.float32)[:, None] * frequencies[None, :]
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def build_decoder(
    weights: Weights,
    shape: DecoderShape,
    positions: NDArray[np.float32],
    logit_bias: NDArray[np.float32] | None = None,
    logit_scale: NDArray[np.float32] | None = None,
    endings: NDArray[np.float32] | None = None,
    storage: Storage = IN_FULL,
    cache_scales: Sequence[CacheScales] | None = None,
) -> onnx.ModelProto:
    """The graph `tokens, seqlens_k, total_sequence_length, past, cross, cross_mask -> logits, present`.

    The first rows have prompts, those behind them have none: their cross-attention is zero and left out.
    positions: [max_steps, hidden], added to the token embeddings.
    endings: [E, hidden], added too, by the frames that follow the one which codebook 0 predicts, the last
    row for E - 1 and more; the graph then has the input `frames_left`, int64 [rows], for the last position.
    cache_scales: each layer's; the cache then holds int8 instead of float32.
    logit_bias: [P, codebooks, codebook_size] and logit_scale: [P, codebooks], by position, the last row for
    all positions from P - 1 on: logits = (raw + bias) * scale.
    """
    graph = GraphBuilder("decoder", storage)
    tokens = graph.input("tokens", INT64, ["rows", "length", shape.codebooks])
    seqlens = graph.input("seqlens_k", INT32, ["rows"])
    graph.input("total_sequence_length", INT32, [1])
    cache = FLOAT if cache_scales is None else INT8
    for i in range(shape.layers):
        for kind in ("key", "value"):
            graph.input(f"past.{i}.{kind}", cache, ["rows", shape.heads, "capacity", shape.head_dim])
    for i in range(shape.layers):
        for kind in ("key", "value"):
            graph.input(f"cross.{i}.{kind}", FLOAT, ["prompts", shape.heads, "text", shape.head_dim])
    graph.input("cross_mask", INT32, ["prompts", "text"])

    back = _places_back(graph, tokens)
    last = graph.node("Unsqueeze", [graph.node("Cast", [seqlens], to=INT64), graph.constant([1])])
    at = graph.node("Add", [last, back])
    tables = [weights[f"decoder.model.decoder.embed_tokens.{q}.weight"] for q in range(shape.codebooks)]
    embedded = _embed(graph, tokens, tables)
    table = graph.weight("positions", positions.astype(np.float32))
    stream = graph.node("Add", [embedded, graph.node("Gather", [table, at])])
    if endings is not None:
        at_last = graph.node("Unsqueeze", [graph.input("frames_left", INT64, ["rows"]), graph.constant([1])])
        left = graph.node("Max", [graph.node("Sub", [at_last, back]), graph.constant(0)])
        stream = graph.node("Add", [stream, _by_row(graph, "endings", endings, left)])
    rotary = _rotary_tables(graph, shape, len(positions))
    scales = [None] * shape.layers if cache_scales is None else cache_scales
    final = _layers(graph, weights, shape, stream, rotary, scales, _prompted(graph, shape, tokens))
    _heads(graph, weights, shape, final, at, logit_bias, logit_scale)
    return graph.model()


def _places_back(graph: GraphBuilder, tokens: str) -> str:
    """1 - length, ..., -1, 0: how far each position fed lies behind the last, int64 [length]."""
    first = graph.node("Sub", [graph.constant(1), graph.dim(tokens, 1)])
    return graph.node("Range", [first, graph.constant(1), graph.constant(1)])


def _embed(graph: GraphBuilder, tokens: str, tables: list[NDArray[np.float32]]) -> str:
    """The sum of the codebooks' embeddings, [rows, length, hidden], from one table for all of them."""
    offsets = np.cumsum([0] + [len(table) for table in tables[:-1]])
    ids = graph.node("Add", [tokens, graph.constant(offsets.tolist())])
    vectors = graph.rows("embed_tokens", np.concatenate(tables), ids)
    return graph.node("ReduceSum", [vectors, graph.constant([2])], keepdims=0)


def _rotary_tables(graph: GraphBuilder, shape: DecoderShape, steps: int) -> list[str]:
    if shape.rotary_base is None:
        return ["", ""]
    exponents = np.arange(0, shape.head_dim, 2, dtype=np.float64) / shape.head_dim
    angles = np.arange(steps, dtype=np.float64)[:, None] * shape.rotary_base**-exponents
    return [
        graph.weight("rotary.cos", np.cos(angles).astype(np.float32)),
        graph.weight("rotary.sin", np.sin(angles).astype(np.float32)),
    ]


@dataclass(frozen=True)
class _Prompted:
    """Tensors: how many rows have prompts, and for those that have none zeros [rows, length, all heads]."""

    rows: str
    nothing: str


def _prompted(graph: GraphBuilder, shape: DecoderShape, tokens: str) -> _Prompted:
    prompts = graph.node("Shape", ["cross_mask"], start=0, end=1)
    others = graph.node("Sub", [graph.node("Shape", [tokens], start=0, end=1), prompts])
    length = graph.node("Shape", [tokens], start=1, end=2)
    wide = graph.constant([shape.heads * shape.head_dim])
    size = graph.node("Concat", [others, length, wide], axis=0)
    return _Prompted(prompts, graph.node("Expand", [graph.weight("zero", np.zeros(1, np.float32)), size]))


def _layers(
    graph: GraphBuilder,
    weights: Weights,
    shape: DecoderShape,
    stream: str,
    rotary: list[str],
    scales: Sequence[CacheScales | None],
    prompted: _Prompted,
) -> str:
    """All pre-norm layers and the final norm; returns [rows, length, hidden].

    Each fused norm adds the branch before it to the residual stream, which it hands on beside its own output.
    """
    prefix = "decoder.model.decoder"

    def norm(name: str, branch: str, residual: str) -> tuple[str, str]:
        gain = graph.weight(f"{name}.weight", weights[f"{prefix}.{name}.weight"])
        shift = graph.weight(f"{name}.bias", weights[f"{prefix}.{name}.bias"])
        outputs = graph.nodes(
            "SkipLayerNormalization",
            [branch, residual, gain, shift],
            ["*", "", "", "*"],
            domain=MICROSOFT,
            epsilon=NORM_EPSILON,
        )
        return outputs[0], outputs[3]

    first = "layers.0.self_attn_layer_norm"
    normed = graph.node(
        "LayerNormalization",
        [
            stream,
            graph.weight(f"{first}.weight", weights[f"{prefix}.{first}.weight"]),
            graph.weight(f"{first}.bias", weights[f"{prefix}.{first}.bias"]),
        ],
        epsilon=NORM_EPSILON,
    )
    for i in range(shape.layers):
        layer = f"layers.{i}"
        branch = _self_attention(graph, weights, shape, i, normed, rotary, scales[i])
        normed, stream = norm(f"{layer}.encoder_attn_layer_norm", branch, stream)
        branch = _cross_attention(graph, weights, shape, i, normed, prompted)
        normed, stream = norm(f"{layer}.final_layer_norm", branch, stream)
        inner = graph.linear(normed, f"{layer}.fc1", weights[f"{prefix}.{layer}.fc1.weight"])
        inner = graph.node("Gelu", [inner])
        branch = graph.linear(inner, f"{layer}.fc2", weights[f"{prefix}.{layer}.fc2.weight"])
        following = f"layers.{i + 1}.self_attn_layer_norm" if i + 1 < shape.layers else "layer_norm"
        normed, stream = norm(following, branch, stream)
    return normed


def _self_attention(
    graph: GraphBuilder,
    weights: Weights,
    shape: DecoderShape,
    i: int,
    normed: str,
    rotary: list[str],
    scales: CacheScales | None,
) -> str:
    name = f"layers.{i}.self_attn"
    source = f"decoder.model.decoder.{name}"
    packed = np.concatenate([weights[f"{source}.{part}_proj.weight"] for part in ("q", "k", "v")])
    qkv = graph.linear(normed, f"{name}.qkv", packed)
    past = [f"past.{i}.key", f"past.{i}.value"]
    present = [f"present.{i}.key", f"present.{i}.value"]
    for tensor in present:
        cache = FLOAT if scales is None else INT8
        graph.output(tensor, cache, ["rows", shape.heads, "capacity", shape.head_dim])
    codes: dict[str, int | str] = {}
    inputs = [qkv, "", "", *past, "seqlens_k", "total_sequence_length", *rotary]
    if scales is not None:
        codes = {"kv_cache_bit_width": 8, "k_quant_type": "PER_CHANNEL", "v_quant_type": "PER_CHANNEL"}
        key = graph.weight(f"{name}.key_scale", scales.key)
        value = graph.weight(f"{name}.value_scale", scales.value)
        inputs += ["", "", "", key, value]
    attended = graph.nodes(
        "GroupQueryAttention",
        inputs,
        ["*", *present],
        domain=MICROSOFT,
        num_heads=shape.heads,
        kv_num_heads=shape.heads,
        do_rotary=int(shape.rotary_base is not None),
        rotary_interleaved=0,
        **codes,
    )[0]
    return graph.linear(attended, f"{name}.out", weights[f"{source}.out_proj.weight"])


def _cross_attention(
    graph: GraphBuilder, weights: Weights, shape: DecoderShape, i: int, normed: str, prompted: _Prompted
) -> str:
    name = f"layers.{i}.encoder_attn"
    source = f"decoder.model.decoder.{name}"
    query = graph.linear(normed, f"{name}.q", weights[f"{source}.q_proj.weight"])
    start = graph.constant([0])
    asking = graph.node("Slice", [query, start, prompted.rows, start])
    attended = graph.node(
        "MultiHeadAttention",
        [asking, f"cross.{i}.key", f"cross.{i}.value", "", "cross_mask"],
        domain=MICROSOFT,
        num_heads=shape.heads,
    )
    every = graph.node("Concat", [attended, prompted.nothing], axis=0)
    return graph.linear(every, f"{name}.out", weights[f"{source}.out_proj.weight"])


def _heads(
    graph: GraphBuilder,
    weights: Weights,
    shape: DecoderShape,
    final: str,
    at: str,
    logit_bias: NDArray[np.float32] | None,
    logit_scale: NDArray[np.float32] | None,
) -> None:
    """One product for all codebooks' heads, then the tables by position."""
    heads = np.concatenate([weights[f"decoder.lm_heads.{q}.weight"] for q in range(shape.codebooks)])
    flat = graph.linear(final, "lm_heads", heads)
    logits = graph.node("Reshape", [flat, graph.constant([0, 0, shape.codebooks, shape.codebook_size])])
    if logit_bias is not None:
        bias = _by_row(graph, "logit_bias", logit_bias, at)
        logits = graph.node("Add", [logits, bias])
    if logit_scale is not None:
        scale = _by_row(graph, "logit_scale", logit_scale, at)
        logits = graph.node("Mul", [logits, graph.node("Unsqueeze", [scale, graph.constant([3])])])
    graph.node("Identity", [logits], output="logits")
    graph.output("logits", FLOAT, ["rows", "length", shape.codebooks, shape.codebook_size])


def _by_row(graph: GraphBuilder, name: str, table: NDArray[np.float32], at: str) -> str:
    """Rows of a table, the last one for all places behind it."""
    row = graph.node("Min", [at, graph.constant(len(table) - 1)])
    return graph.node("Gather", [graph.weight(name, table.astype(np.float32)), row])
