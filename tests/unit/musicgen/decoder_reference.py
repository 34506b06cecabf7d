"""The MusicGen decoder in plain numpy, what decoder.onnx must give: one row, all positions at once."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from lofi_worker.importer.decoder_graph import DecoderShape

Array = NDArray[np.float64]
PREFIX = "decoder.model.decoder"


def random_weights(shape: DecoderShape, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights by their transformers names, large enough that every part moves the logits."""
    random = np.random.default_rng(seed)
    wide = shape.heads * shape.head_dim

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        values = random.normal(size=(rows, columns)) * 1.5 / columns**0.5
        return np.asarray(values, np.float32)

    weights = {}
    for q in range(shape.codebooks):
        weights[f"{PREFIX}.embed_tokens.{q}.weight"] = 5 * matrix(shape.codebook_size + 1, shape.hidden)
        weights[f"decoder.lm_heads.{q}.weight"] = matrix(shape.codebook_size, shape.hidden)
    norms = [f"{PREFIX}.layer_norm"]
    for i in range(shape.layers):
        layer = f"{PREFIX}.layers.{i}"
        for attention in ("self_attn", "encoder_attn"):
            for part in ("q", "k", "v"):
                weights[f"{layer}.{attention}.{part}_proj.weight"] = matrix(wide, shape.hidden)
            weights[f"{layer}.{attention}.out_proj.weight"] = matrix(shape.hidden, wide)
        weights[f"{layer}.fc1.weight"] = matrix(shape.ffn, shape.hidden)
        weights[f"{layer}.fc2.weight"] = matrix(shape.hidden, shape.ffn)
        norms += [f"{layer}.{n}_layer_norm" for n in ("self_attn", "encoder_attn", "final")]
    for norm in norms:
        weights[f"{norm}.weight"] = (1 + 0.2 * random.normal(size=shape.hidden)).astype(np.float32)
        weights[f"{norm}.bias"] = (0.1 * random.normal(size=shape.hidden)).astype(np.float32)
    return weights


def reference_logits(
    weights: Mapping[str, NDArray[np.float32]],
    shape: DecoderShape,
    positions: NDArray[np.float32],
    tokens: NDArray[np.int64],
    cross: list[tuple[Array, Array]],
) -> Array:
    """Raw logits [length, codebooks, codebook_size] of tokens [length, codebooks] from position 0 on.

    cross: each layer's keys and values, [heads, text, head_dim]; no text at all adds nothing.
    """
    length = len(tokens)
    tables = [weights[f"{PREFIX}.embed_tokens.{q}.weight"] for q in range(shape.codebooks)]
    x = np.sum([table[tokens[:, q]] for q, table in enumerate(tables)], axis=0) + positions[:length]
    x = x.astype(np.float64)
    future = np.triu(np.full((length, length), -np.inf), 1)
    for i in range(shape.layers):
        layer = f"{PREFIX}.layers.{i}"
        normed = _norm(weights, f"{layer}.self_attn_layer_norm", x)
        query, key, value = (
            _split(normed @ weights[f"{layer}.self_attn.{p}_proj.weight"].T, shape) for p in "qkv"
        )
        if shape.rotary_base is not None:
            query, key = _rotate(query, shape.rotary_base), _rotate(key, shape.rotary_base)
        x = x + _attend(query, key, value, future) @ weights[f"{layer}.self_attn.out_proj.weight"].T
        normed = _norm(weights, f"{layer}.encoder_attn_layer_norm", x)
        key, value = cross[i]
        if key.shape[1]:
            query = _split(normed @ weights[f"{layer}.encoder_attn.q_proj.weight"].T, shape)
            x = x + _attend(query, key, value, 0.0) @ weights[f"{layer}.encoder_attn.out_proj.weight"].T
        inner = _norm(weights, f"{layer}.final_layer_norm", x) @ weights[f"{layer}.fc1.weight"].T
        inner = 0.5 * inner * (1 + erf(inner / 2**0.5))
        x = x + inner @ weights[f"{layer}.fc2.weight"].T
    x = _norm(weights, f"{PREFIX}.layer_norm", x)
    return np.stack([x @ weights[f"decoder.lm_heads.{q}.weight"].T for q in range(shape.codebooks)], axis=1)


def _norm(weights: Mapping[str, NDArray[np.float32]], name: str, x: Array) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + 1e-5)
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def _split(x: Array, shape: DecoderShape) -> Array:
    """[length, heads * head_dim] to [heads, length, head_dim]."""
    return x.reshape(len(x), shape.heads, shape.head_dim).transpose(1, 0, 2)


def _rotate(x: Array, base: float) -> Array:
    """Rotary positions (Su et al., 2021), the first half of a head's dimensions turned against the second."""
    half = x.shape[2] // 2
    angles = np.arange(x.shape[1])[:, None] * base ** (-np.arange(half) / half)
    first, second = x[:, :, :half], x[:, :, half:]
    return np.concatenate(
        [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)],
        axis=2,
    )


def _attend(query: Array, key: Array, value: Array, mask: Array | float) -> Array:
    scores = query @ key.transpose(0, 2, 1) / query.shape[2] ** 0.5 + mask
    scores = np.exp(scores - scores.max(axis=2, keepdims=True))
    mixed = scores / scores.sum(axis=2, keepdims=True) @ value
    return np.asarray(mixed.transpose(1, 0, 2).reshape(query.shape[1], -1))
