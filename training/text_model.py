"""The text encoder in torch: T5 v1.0's, under transformers' parameter names."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lofi_worker.importer.text_graph import TextShape, relative_bucket

# Small word vectors learn faster: norms hide their size from the layers, and a step of Adam has one length.
WORD_STD = 0.1
NORM_EPSILON = 1e-6


def linear(inputs: int, outputs: int, std: float) -> nn.Linear:
    """A product without bias, its weights drawn with deviation `std`."""
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[rows, length, heads * size] to [rows, heads, length, size]."""
    rows, length, width = x.shape
    return x.view(rows, length, heads, width // heads).transpose(1, 2)


class _RMSNorm(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + NORM_EPSILON) * self.weight


class _SelfAttention(nn.Module):
    def __init__(self, shape: TextShape, with_bias: bool) -> None:
        super().__init__()
        d, inner = shape.hidden, shape.heads * shape.head_dim
        self._heads = shape.heads
        self.q = linear(d, inner, (d * shape.head_dim) ** -0.5)
        self.k = linear(d, inner, d**-0.5)
        self.v = linear(d, inner, d**-0.5)
        self.o = linear(inner, d, WORD_STD * inner**-0.5)
        if with_bias:
            self.relative_attention_bias = nn.Embedding(shape.relative_buckets, shape.heads)
            nn.init.normal_(self.relative_attention_bias.weight, std=d**-0.5)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (split_heads(layer(x), self._heads) for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), scale=1.0)
        out: Tensor = self.o(mixed.transpose(1, 2).flatten(2))
        return out


class _Dense(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.wi = linear(shape.hidden, shape.ffn, shape.hidden**-0.5)
        self.wo = linear(shape.ffn, shape.hidden, WORD_STD * shape.ffn**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.wo(F.relu(self.wi(x)))
        return out


class _First(nn.Module):
    def __init__(self, shape: TextShape, with_bias: bool) -> None:
        super().__init__()
        self.SelfAttention = _SelfAttention(shape, with_bias)
        self.layer_norm = _RMSNorm(shape.hidden)


class _Second(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.DenseReluDense = _Dense(shape)
        self.layer_norm = _RMSNorm(shape.hidden)


class _Block(nn.Module):
    def __init__(self, shape: TextShape, with_bias: bool) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_First(shape, with_bias), _Second(shape)])

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        first, second = cast(_First, self.layer[0]), cast(_Second, self.layer[1])
        x = x + first.SelfAttention(first.layer_norm(x), bias)
        out: Tensor = x + second.DenseReluDense(second.layer_norm(x))
        return out


class _Stack(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.block = nn.ModuleList(_Block(shape, with_bias=i == 0) for i in range(shape.layers))
        self.final_layer_norm = _RMSNorm(shape.hidden)


class TextEncoder(nn.Module):
    """ids int64 [rows, S], mask float [rows, S] -> states [rows, S, hidden]."""

    buckets: Tensor

    def __init__(self, shape: TextShape, vocabulary: int, longest: int) -> None:
        super().__init__()
        self.shared = nn.Embedding(vocabulary, shape.hidden)
        nn.init.normal_(self.shared.weight, std=WORD_STD)
        self.encoder = _Stack(shape)
        place = np.arange(longest)
        distance = place[None, :] - place[:, None]
        buckets = relative_bucket(distance, shape.relative_buckets, shape.relative_max_distance)
        self.register_buffer("buckets", torch.from_numpy(buckets), persistent=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        size = ids.shape[1]
        first = cast(_First, cast(_Block, self.encoder.block[0]).layer[0])
        table = first.SelfAttention.relative_attention_bias
        bias = table(self.buckets[:size, :size]).permute(2, 0, 1)[None]
        bias = bias + (mask[:, None, None, :] - 1) * 1e9
        x: Tensor = self.shared(ids)
        for block in self.encoder.block:
            x = block(x, bias)
        out: Tensor = self.encoder.final_layer_norm(x)
        return out
