"""The starter in torch: the architecture and names of transformers' `MusicgenForConditionalGeneration`.

It differs in sizes, in rotary positions in self-attention, and in what is added at a position in place of the
sinusoidal table: learned rows for the step of its four bars and for which four bars they are, or for the
header's frame; export folds them into one table. A second table says how near the end is.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lofi_worker.importer.decoder_graph import DecoderShape
from lofi_worker.importer.text_graph import TextShape
from training.text_model import TextEncoder, linear, split_heads
from training.tokens import BLOCK_STEPS, DELAYS, HEADER_CODES, HEADER_FRAMES

BLOCKS, CYCLE = 12, 8  # blocks with a row of their own; later ones go round with the forms, every CYCLE
FAR = 64  # frames before the end from which on it is all the same how many there are


class _Attention(nn.Module):
    def __init__(self, hidden: int, inner: int, out_std: float) -> None:
        super().__init__()
        self.q_proj = linear(hidden, inner, hidden**-0.5)
        self.k_proj = linear(hidden, inner, hidden**-0.5)
        self.v_proj = linear(hidden, inner, hidden**-0.5)
        self.out_proj = linear(inner, hidden, out_std)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, half-split: x [rows, heads, length, size], cos, sin [rows, 1, length, size / 2]."""
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class _Layer(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        d, inner = shape.hidden, shape.heads * shape.head_dim
        out_std = 0.02 / math.sqrt(shape.layers)
        self._heads = shape.heads
        self.self_attn = _Attention(d, inner, out_std)
        self.encoder_attn = _Attention(d, inner, inner**-0.5)  # the prompt is heard from the first step on
        self.self_attn_layer_norm = nn.LayerNorm(d)
        self.encoder_attn_layer_norm = nn.LayerNorm(d)
        self.final_layer_norm = nn.LayerNorm(d)
        self.fc1, self.fc2 = linear(d, shape.ffn, d**-0.5), linear(shape.ffn, d, out_std)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, states: Tensor, blocked: Tensor) -> Tensor:
        x = x + self._past(self.self_attn_layer_norm(x), cos, sin)
        x = x + self._prompt(self.encoder_attn_layer_norm(x), states, blocked)
        out: Tensor = x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))
        return out

    def _past(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        attention = self.self_attn
        q = rotate(split_heads(attention.q_proj(x), self._heads), cos, sin)
        k = rotate(split_heads(attention.k_proj(x), self._heads), cos, sin)
        v = split_heads(attention.v_proj(x), self._heads)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _prompt(self, x: Tensor, states: Tensor, blocked: Tensor) -> Tensor:
        attention = self.encoder_attn
        q = split_heads(attention.q_proj(x), self._heads)
        k = split_heads(attention.k_proj(states), self._heads)
        v = split_heads(attention.v_proj(states), self._heads)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=blocked.to(q.dtype))
        out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
        return out


class _Stack(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        size = shape.codebook_size + 1
        self.embed_tokens = nn.ModuleList(nn.Embedding(size, shape.hidden) for _ in range(shape.codebooks))
        for table in self.embed_tokens:
            nn.init.normal_(cast(nn.Embedding, table).weight, std=0.3)
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))
        self.layer_norm = nn.LayerNorm(shape.hidden)


class _Model(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.decoder = _Stack(shape)


class _Decoder(nn.Module):
    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.model = _Model(shape)
        heads = (linear(shape.hidden, shape.codebook_size, 0.02) for _ in range(shape.codebooks))
        self.lm_heads = nn.ModuleList(heads)


class Starter(nn.Module):
    """Text encoder and decoder; `decoder.model.decoder…` keeps transformers' module path."""

    cos: Tensor
    sin: Tensor

    def __init__(
        self, text: TextShape, decoder: DecoderShape, vocabulary: int, longest_text: int, steps: int
    ) -> None:
        super().__init__()
        if decoder.rotary_base is None:
            raise ValueError("the starter needs rotary positions")
        self.text_encoder = TextEncoder(text, vocabulary, longest_text)
        self.enc_to_dec_proj = nn.Linear(text.hidden, decoder.hidden)
        self.decoder = _Decoder(decoder)
        # Reads the header off the mean text state; it teaches the text encoder and is not exported.
        self.probe = nn.Linear(text.hidden, sum(sum(codes) for codes in HEADER_CODES))
        self.phase = nn.Embedding(BLOCK_STEPS + HEADER_FRAMES, decoder.hidden)
        self.block = nn.Embedding(BLOCKS, decoder.hidden)
        self.ending = nn.Embedding(FAR + 1, decoder.hidden)
        for table, deviation in ((self.phase, 0.3), (self.block, 0.1), (self.ending, 0.1)):
            nn.init.normal_(table.weight, std=deviation)
        rates = decoder.rotary_base ** -(torch.arange(0, decoder.head_dim, 2).double() / decoder.head_dim)
        angles = torch.arange(steps).double()[:, None] * rates
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def for_decoder(self, text: Tensor, mask: Tensor) -> Tensor:
        """The text encoder's states as cross-attention takes them, [rows, S, hidden]; padding is zero."""
        states: Tensor = self.enc_to_dec_proj(text)
        return states * mask[..., None]

    def at_places(self, places: Tensor) -> Tensor:
        """What is added at positions int64 [...], float [..., hidden]; position t predicts frame t."""
        step = places - HEADER_FRAMES
        block = torch.div(step, BLOCK_STEPS, rounding_mode="floor").clamp(min=0)
        block = torch.where(block < BLOCKS, block, BLOCKS - CYCLE + (block - BLOCKS) % CYCLE)
        phase = torch.where(step < 0, places + BLOCK_STEPS, step % BLOCK_STEPS)
        rows: Tensor = self.phase(phase) + self.block(block) * (step >= 0)[..., None]
        return rows

    def head(self, codebook: int) -> Tensor:
        """Weights of a codebook's head, [codebook_size, hidden]."""
        return cast(nn.Linear, self.decoder.lm_heads[codebook]).weight

    def forward(
        self, tokens: Tensor, places: Tensor, frames_left: Tensor, states: Tensor, mask: Tensor
    ) -> Tensor:
        """Delayed tokens int64 [rows, codebooks, length] -> what the heads see, [rows, length, hidden].

        places: positions, frames_left: frames behind the one that codebook 0 predicts; int64 [rows, length].
        """
        stack = self.decoder.model.decoder
        x = self.at_places(places) + self.ending(frames_left.clamp(0, FAR))
        for q, table in enumerate(stack.embed_tokens):
            x = x + table(tokens[:, q])
        blocked = ((mask[:, None, None, :] - 1) * 1e4).to(states.dtype)
        cos, sin = self.cos[places][:, None], self.sin[places][:, None]
        for layer in stack.layers:
            x = layer(x, cos, sin, states, blocked)
        out: Tensor = stack.layer_norm(x)
        return out


def delay(codes: Tensor, special: int) -> Tensor:
    """Frames [rows, codebooks, n] to what the decoder is fed, [rows, codebooks, n + 3].

    Codebook q comes 1 + DELAYS[q] positions late; before and after its frames stands `special`.
    """
    rows, codebooks, frames = codes.shape
    shape = (rows, codebooks, frames + 1 + max(DELAYS))
    out = torch.full(shape, special, dtype=codes.dtype, device=codes.device)
    for q, shift in enumerate(DELAYS):
        out[:, q, 1 + shift : 1 + shift + frames] = codes[:, q]
    return out[:, :, :-1]
