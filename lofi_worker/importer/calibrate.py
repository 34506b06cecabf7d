"""Finds the scales of an int8 KV cache: how large the keys and values of each channel become.

They are taken from float32 runs that are spread over all positions and prompts, since both reach them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import DecoderSpec
from lofi_worker.importer.agreement import PROMPTS, LanguageModel, Reference
from lofi_worker.importer.decoder_graph import CacheScales
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import EncodedText

LONGEST = 2048
"""Positions that are reached at most: all that the published models have."""
LENGTH = 128
"""Positions that are run for each prompt."""
MARGIN = 1.25
"""What exceeds the largest value seen by more is clipped, which costs more than wider steps do. With random
weights in musicgen-small's shape, the cache alone costs a prompt that is not among these 4e-6 nats; with the
scales of one prompt and a margin of 1.1 it was 9e-4. 1.5 gains nothing there, and loses with small heads."""
LEAST = 1e-6


def cache_scales(model: LanguageModel, reference: Reference, settings: RunSettings) -> list[CacheScales]:
    """Each layer's scales. Raises ModelLoadFailed or ModelInferenceFailed."""
    encoder = model.text_encoder(settings)
    texts = [encoder.encode(prompt) for prompt in PROMPTS]
    del encoder  # one graph at a time in memory
    nothing = [_without_prompt(text) for text in texts]
    codes = reference.columns[:, 1 + max(model.spec.delays) :].reshape(-1, model.spec.codebooks)
    session = model.decoder(settings)
    seen = [_largest(session, model.spec, rows, codes) for rows in (texts, nothing)]
    scales = {
        kind: np.maximum(np.maximum(*(each[kind] for each in seen)) * np.float32(MARGIN / 127), LEAST)
        for kind in seen[0]
    }
    return [CacheScales(scales[f"{i}.key"], scales[f"{i}.value"]) for i in range(model.spec.layers)]


def _without_prompt(text: EncodedText) -> EncodedText:
    """What the null rows see: nothing but zeros."""
    return replace(text, cross={name: np.zeros_like(each) for name, each in text.cross.items()})


def _largest(
    session: Session, spec: DecoderSpec, texts: Sequence[EncodedText], codes: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """The largest magnitude of each layer's keys and values, by channel: float32 [heads * head_dim].

    One sequence over the model's positions: at even distances LENGTH of them are run, each time with
    the next text; those between hold what was run before them once more.
    """
    stride = min(LONGEST, spec.max_steps) // len(texts)
    length = min(LENGTH, stride)
    kinds = [f"{i}.{kind}" for i in range(spec.layers) for kind in ("key", "value")]
    size = (1, spec.heads, stride * len(texts), spec.head_dim)
    cache = {kind: np.zeros(size, np.float32) for kind in kinds}
    logits = np.zeros((1, length, spec.codebooks, spec.codebook_size), np.float32)
    outputs = {"logits": logits, **{f"present.{kind}": each for kind, each in cache.items()}}
    tokens = np.resize(codes, (len(texts), length, spec.codebooks))
    tokens[0, 0] = spec.codebook_size
    for i, text in enumerate(texts):
        start = i * stride
        inputs: dict[str, NDArray[Any]] = {
            "tokens": tokens[i : i + 1],
            "seqlens_k": np.full(1, start + length - 1, np.int32),
            "total_sequence_length": np.full(1, start + length, np.int32),
            "cross_mask": np.ones((1, text.tokens), np.int32),
            **{f"past.{kind}": each for kind, each in cache.items()},
            **{name: each[None] for name, each in text.cross.items()},
        }
        session.run_bound(session.bind(inputs, outputs))
        places = np.arange(start + length, start + stride)
        for each in cache.values():
            each[:, :, places] = each[:, :, start + (places - start) % length]
    return {kind: np.abs(each).max(axis=(0, 2)).ravel() for kind, each in cache.items()}
