"""Builds text_encoder.onnx: a T5 encoder and behind it each decoder layer's cross-attention keys and values.

T5 v1.0 (Raffel et al., 2020): RMS norms, no biases, ReLU, relative position bias, no scaling of the scores.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from lofi_worker.importer.decoder_graph import DecoderShape
from lofi_worker.importer.graph import FLOAT, IN_FULL, INT64, MICROSOFT, GraphBuilder, Storage, Weights

NORM_EPSILON = 1e-6
MASKED_SCORE = -1e9


@dataclass(frozen=True)
class TextShape:
    """The sizes of a T5 encoder."""

    layers: int
    hidden: int
    heads: int
    head_dim: int
    ffn: int
    relative_buckets: int = 32
    relative_max_distance: int = 128


def relative_bucket(distance: NDArray[np.int64], buckets: int, max_distance: int) -> NDArray[np.int64]:
    """The bias bucket of each distance (key position - query position), same shape as `distance`.

    Half of the buckets look back, half ahead; in each half the first half holds single distances, the rest
    grow logarithmically up to `max_distance`. Source: transformers `T5Attention._relative_position_bucket`.
    """
    half = buckets // 2
    exact = half // 2
    size = np.abs(distance)
    with np.errstate(divide="ignore"):
        steps = np.log(size.astype(np.float32) / np.float32(exact)) / np.float32(np.log(max_distance / exact))
    grown = exact + np.where(size < exact, 0, steps * np.float32(half - exact)).astype(np.int64)
    return np.where(distance > 0, half, 0) + np.where(size < exact, size, np.minimum(grown, half - 1))


def build_text_encoder(
    weights: Weights, text: TextShape, decoder: DecoderShape, storage: Storage = IN_FULL
) -> onnx.ModelProto:
    """The graph `input_ids, attention_mask -> cross.{i}.key, cross.{i}.value`.

    Inputs int64 [1, S], outputs float [1, heads, S, head_dim] of the decoder.
    """
    graph = GraphBuilder("text_encoder", storage)
    ids = graph.input("input_ids", INT64, [1, "text"])
    mask = graph.input("attention_mask", INT64, [1, "text"])
    stream = graph.rows("shared", weights["text_encoder.shared.weight"], ids)
    encoded = _encoder(graph, weights, text, stream, _attention_bias(graph, weights, text, ids, mask))
    if "enc_to_dec_proj.weight" in weights:  # transformers leaves it out where both widths are the same
        encoded = graph.linear(
            encoded, "enc_to_dec_proj", weights["enc_to_dec_proj.weight"], weights["enc_to_dec_proj.bias"]
        )
    for i in range(decoder.layers):
        for kind, part in (("key", "k_proj"), ("value", "v_proj")):
            source = f"decoder.model.decoder.layers.{i}.encoder_attn.{part}.weight"
            flat = graph.linear(encoded, f"cross.{i}.{part}", weights[source])
            split = graph.node("Reshape", [flat, graph.constant([0, 0, decoder.heads, decoder.head_dim])])
            graph.node("Transpose", [split], output=f"cross.{i}.{kind}", perm=[0, 2, 1, 3])
            graph.output(f"cross.{i}.{kind}", FLOAT, [1, decoder.heads, "text", decoder.head_dim])
    return graph.model()


def _attention_bias(graph: GraphBuilder, weights: Weights, text: TextShape, ids: str, mask: str) -> str:
    """The relative position bias plus the mask of the keys: [1, heads, S, S].

    All distances from the largest on share a bucket, so a table of 2 * max_distance + 1 distances is exact.
    """
    reach = text.relative_max_distance
    by_bucket = weights["text_encoder.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    buckets = relative_bucket(np.arange(-reach, reach + 1), text.relative_buckets, reach)
    by_distance = graph.weight("relative_bias", by_bucket[buckets].T)

    size = graph.dim(ids, 1)
    place = graph.node("Range", [graph.constant(0), size, graph.constant(1)])
    key = graph.node("Unsqueeze", [place, graph.constant([0])])
    query = graph.node("Unsqueeze", [place, graph.constant([1])])
    distance = graph.node("Sub", [key, query])
    clipped = graph.node("Clip", [distance, graph.constant(-reach), graph.constant(reach)])
    row = graph.node("Add", [clipped, graph.constant(reach)])
    bias = graph.node("Unsqueeze", [graph.node("Gather", [by_distance, row], axis=1), graph.constant([0])])

    hidden = graph.node("Cast", [graph.node("Sub", [graph.constant(1), mask])], to=FLOAT)
    blocked = graph.node("Mul", [hidden, graph.weight("masked_score", np.array(MASKED_SCORE, np.float32))])
    return graph.node("Add", [bias, graph.node("Unsqueeze", [blocked, graph.constant([1, 2])])])


def _encoder(graph: GraphBuilder, weights: Weights, text: TextShape, stream: str, bias: str) -> str:
    """All pre-norm blocks and the final norm; returns [1, S, hidden]."""
    prefix = "text_encoder.encoder"

    def norm(name: str, branch: str, residual: str) -> tuple[str, str]:
        gain = graph.weight(f"{name}.weight", weights[f"{prefix}.{name}.weight"])
        outputs = graph.nodes(
            "SkipSimplifiedLayerNormalization",
            [branch, residual, gain],
            ["*", "", "", "*"],
            domain=MICROSOFT,
            epsilon=NORM_EPSILON,
        )
        return outputs[0], outputs[3]

    # There is nothing to add before the first norm, and the plain operator is not in opset 21: it adds zeros.
    branch = graph.weight("nothing", np.zeros(text.hidden, np.float32))
    branch = graph.node("Expand", [branch, graph.node("Shape", [stream])])
    for i in range(text.layers):
        attention, dense = f"block.{i}.layer.0", f"block.{i}.layer.1"
        normed, stream = norm(f"{attention}.layer_norm", branch, stream)
        branch = _attention(graph, weights, text, f"{attention}.SelfAttention", normed, bias)
        normed, stream = norm(f"{dense}.layer_norm", branch, stream)
        source = f"{prefix}.{dense}.DenseReluDense"
        inner = graph.node("Relu", [graph.linear(normed, f"{dense}.wi", weights[f"{source}.wi.weight"])])
        branch = graph.linear(inner, f"{dense}.wo", weights[f"{source}.wo.weight"])
    return norm("final_layer_norm", branch, stream)[0]


def _attention(
    graph: GraphBuilder, weights: Weights, text: TextShape, name: str, normed: str, bias: str
) -> str:
    source = f"text_encoder.encoder.{name}"
    query, key, value = (graph.linear(normed, f"{name}.{p}", weights[f"{source}.{p}.weight"]) for p in "qkv")
    attended = graph.node(
        "MultiHeadAttention",
        [query, key, value, "", "", bias],
        domain=MICROSOFT,
        num_heads=text.heads,
        scale=1.0,
    )
    return graph.linear(attended, f"{name}.o", weights[f"{source}.o.weight"])
