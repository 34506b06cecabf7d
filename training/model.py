"""The starter in torch: MusicGen's architecture under transformers' parameter names
(MusicgenForConditionalGeneration).

It differs in sizes, in rotary positions in self-attention and in a learned phase table in place of the
sinusoidal one:
index = step in the loop of four bars, then one row for each header frame; export folds it into the position
table.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lofi_worker.importer.decoder_graph import DecoderShape
from lofi_worker.importer.text_graph import TextShape, relative_bucket
from training.tokens import DELAYS, HEADER_CODES, HEADER_FRAMES, LOOP_STEPS

# Small word vectors learn faster: norms hide their size from the layers, and a step of Adam has one length.
WORD_STD = 0.1


def _linear(inputs: int, outputs: int, std: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=std)
    return layer


class _RMSNorm(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


def _split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class TextEncoder(nn.Module):
    """T5's encoder: ids int64 [rows, S], mask float [rows, S] -> states [rows, S, hidden]."""

    def __init__(self, shape: TextShape, vocabulary: int, longest: int) -> None:
        super().__init__()
        self.heads = shape.heads
        inner = shape.heads * shape.head_dim
        d = shape.hidden
        self.shared = nn.Embedding(vocabulary, d)
        nn.init.normal_(self.shared.weight, std=WORD_STD)
        blocks = []
        for i in range(shape.layers):
            attention = nn.Module()
            attention.q = _linear(d, inner, (d * shape.head_dim) ** -0.5)
            attention.k = _linear(d, inner, d**-0.5)
            attention.v = _linear(d, inner, d**-0.5)
            attention.o = _linear(inner, d, WORD_STD * inner**-0.5)
            if i == 0:
                attention.relative_attention_bias = nn.Embedding(shape.relative_buckets, shape.heads)
                nn.init.normal_(attention.relative_attention_bias.weight, std=d**-0.5)
            dense = nn.Module()
            dense.wi, dense.wo = (
                _linear(d, shape.ffn, d**-0.5),
                _linear(shape.ffn, d, WORD_STD * shape.ffn**-0.5),
            )
            first, second = nn.Module(), nn.Module()
            first.SelfAttention, first.layer_norm = attention, _RMSNorm(d)
            second.DenseReluDense, second.layer_norm = dense, _RMSNorm(d)
            block = nn.Module()
            block.layer = nn.ModuleList([first, second])
            blocks.append(block)
        self.encoder = nn.Module()
        self.encoder.block = nn.ModuleList(blocks)
        self.encoder.final_layer_norm = _RMSNorm(d)
        place = np.arange(longest)
        buckets = relative_bucket(
            place[None, :] - place[:, None], shape.relative_buckets, shape.relative_max_distance
        )
        self.register_buffer("buckets", torch.from_numpy(buckets), persistent=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        size = ids.shape[1]
        table = self.encoder.block[0].layer[0].SelfAttention.relative_attention_bias
        bias = table(self.buckets[:size, :size]).permute(2, 0, 1)[None]
        bias = bias + (mask[:, None, None, :] - 1) * 1e9
        x = self.shared(ids)
        for block in self.encoder.block:
            first, second = block.layer
            attention, normed = first.SelfAttention, first.layer_norm(x)
            q, k, v = (_split(layer(normed), self.heads) for layer in (attention.q, attention.k, attention.v))
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), scale=1.0)
            x = x + attention.o(mixed.transpose(1, 2).flatten(2))
            dense, normed = second.DenseReluDense, second.layer_norm(x)
            x = x + dense.wo(F.relu(dense.wi(normed)))
        return self.encoder.final_layer_norm(x)


class _Attention(nn.Module):
    def __init__(self, hidden: int, inner: int, out_std: float) -> None:
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj"):
            setattr(self, name, _linear(hidden, inner, hidden**-0.5))
        self.out_proj = _linear(inner, hidden, out_std)


class _Layer(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        d, inner = shape.hidden, shape.heads * shape.head_dim
        out_std = 0.02 / math.sqrt(shape.layers)
        self.self_attn = _Attention(d, inner, out_std)
        self.encoder_attn = _Attention(d, inner, inner**-0.5)  # the prompt is heard from the first step on
        self.self_attn_layer_norm = nn.LayerNorm(d)
        self.encoder_attn_layer_norm = nn.LayerNorm(d)
        self.final_layer_norm = nn.LayerNorm(d)
        self.fc1, self.fc2 = _linear(d, shape.ffn, d**-0.5), _linear(shape.ffn, d, out_std)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, half-split: x [rows, heads, length, head_dim], cos and sin [length, head_dim / 2]."""
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class Starter(nn.Module):
    """Text encoder and decoder; `decoder.model.decoder…` keeps transformers' module path."""

    def __init__(
        self, text: TextShape, decoder: DecoderShape, vocabulary: int, longest_text: int, steps: int
    ) -> None:
        super().__init__()
        self.shape = decoder
        d = decoder.hidden
        self.text_encoder = TextEncoder(text, vocabulary, longest_text)
        self.enc_to_dec_proj = nn.Linear(text.hidden, d)
        stack = nn.Module()
        stack.embed_tokens = nn.ModuleList(
            nn.Embedding(decoder.codebook_size + 1, d) for _ in range(decoder.codebooks)
        )
        for table in stack.embed_tokens:
            nn.init.normal_(table.weight, std=0.3)
        stack.layers = nn.ModuleList(_Layer(decoder) for _ in range(decoder.layers))
        stack.layer_norm = nn.LayerNorm(d)
        model = nn.Module()
        model.decoder = stack
        self.decoder = nn.Module()
        self.decoder.model = model
        self.decoder.lm_heads = nn.ModuleList(
            _linear(d, decoder.codebook_size, 0.02) for _ in range(decoder.codebooks)
        )
        # Reads the header off the mean text state; it teaches the text encoder and is not exported.
        self.probe = nn.Linear(text.hidden, sum(sum(codes) for codes in HEADER_CODES))
        self.phase = nn.Embedding(LOOP_STEPS + HEADER_FRAMES, d)
        nn.init.normal_(self.phase.weight, std=0.3)
        if decoder.rotary_base is None:
            raise ValueError("the starter needs rotary positions")
        rates = decoder.rotary_base ** -(torch.arange(0, decoder.head_dim, 2).double() / decoder.head_dim)
        angles = torch.arange(steps).double()[:, None] * rates
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """States [rows, S, hidden] for cross-attention; a row whose mask is all zero gets zeros."""
        return self.enc_to_dec_proj(self.text_encoder(ids, mask)) * mask[..., None]

    def positions(self, steps: int) -> Tensor:
        """What is added at each position: [steps, hidden]. Position t is where frame t of codebook 0 is
        predicted.
        """
        place = torch.arange(steps)
        index = torch.where(place < HEADER_FRAMES, place + LOOP_STEPS, (place - HEADER_FRAMES) % LOOP_STEPS)
        return self.phase(index)

    def forward(self, tokens: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """tokens int64 [rows, codebooks, length] (delayed) -> hidden [rows, length, hidden] after the final
        norm.
        """
        stack, heads, length = self.decoder.model.decoder, self.shape.heads, tokens.shape[2]
        x = self.positions(length)[None]
        for q, table in enumerate(stack.embed_tokens):
            x = x + table(tokens[:, q])
        cos, sin = self.cos[:length], self.sin[:length]
        blocked = ((mask[:, None, None, :] - 1) * 1e4).to(states.dtype)
        for layer in stack.layers:
            attention, normed = layer.self_attn, layer.self_attn_layer_norm(x)
            q = rotate(_split(attention.q_proj(normed), heads), cos, sin)
            k = rotate(_split(attention.k_proj(normed), heads), cos, sin)
            v = _split(attention.v_proj(normed), heads)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + attention.out_proj(mixed.transpose(1, 2).flatten(2))
            attention, normed = layer.encoder_attn, layer.encoder_attn_layer_norm(x)
            q = _split(attention.q_proj(normed), heads)
            k, v = _split(attention.k_proj(states), heads), _split(attention.v_proj(states), heads)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=blocked.to(q.dtype))
            x = x + attention.out_proj(mixed.transpose(1, 2).flatten(2))
            x = x + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(x))))
        return stack.layer_norm(x)


def delay(codes: Tensor, special: int) -> Tensor:
    """Frames [rows, codebooks, n] to decoder input [rows, codebooks, n + 3]: codebook q shifted by 1 +
    DELAYS[q].
    """
    rows, codebooks, frames = codes.shape
    out = torch.full((rows, codebooks, frames + 1 + max(DELAYS)), special, dtype=codes.dtype)
    for q, shift in enumerate(DELAYS):
        out[:, q, 1 + shift : 1 + shift + frames] = codes[:, q]
    return out[:, :, :-1]
