"""Finds the scales of an int8 KV cache: how large the keys and values of each channel become.

They are taken from float32 runs that are spread over all positions and prompts, since both reach them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import DecoderSpec
from lofi_worker.importer.compose import LanguageModel, compose
from lofi_worker.importer.decoder_graph import CacheScales
from lofi_worker.importer.sequence import CodeSequence
from lofi_worker.musicgen.columns import without_prompt
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import EncodedText

PROMPTS = (
    "slow lo-fi beat at 80 bpm, warm electric piano, soft drums, vinyl crackle and rain",
    "80s pop track with bassy drums and synth",
    "solo classical guitar, gentle arpeggios",
    "fast techno with a hard kick and an acid bass line",
    "string quartet, sad and slow",
    "jazz trio, brushed drums, upright bass and piano",
    "heavy rock riff with distorted guitars",
    "ambient drone, deep and calm",
)
LONGEST = 2048
"""Positions that are reached at most: all that the published models have."""
LENGTH = 128
"""Positions that are run for each prompt."""
MARGIN = 1.25
"""What exceeds the largest value seen by more is clipped, which costs more than wider steps do. With random
weights in musicgen-small's shape, the cache alone costs a prompt that is not among these 4e-6 nats; with the
scales of one prompt and a margin of 1.1 it was 9e-4. 1.5 gains nothing there, and loses with small heads."""
LEAST = 1e-6


def cache_scales(model: LanguageModel, settings: RunSettings) -> list[CacheScales]:
    """Each layer's scales. Raises ModelLoadFailed or ModelInferenceFailed."""
    texts = model.encode(PROMPTS, settings)
    nothing = [without_prompt(text) for text in texts]
    session = model.decoder(settings)
    columns = compose(session, model.spec, texts).looped(model.spec.delays, LENGTH * len(texts))
    seen = [_largest(session, model.spec, rows, columns) for rows in (texts, nothing)]
    scales = {
        kind: np.maximum(np.maximum(*(each[kind] for each in seen)) * np.float32(MARGIN / 127), LEAST)
        for kind in seen[0]
    }
    return [CacheScales(scales[f"{i}.key"], scales[f"{i}.value"]) for i in range(model.spec.layers)]


def _largest(
    session: Session, spec: DecoderSpec, texts: Sequence[EncodedText], columns: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """The largest magnitude of each layer's keys and values, by channel: float32 [heads * head_dim].

    One sequence over the model's positions: at even distances LENGTH of them are run, each time with
    the next text; those between hold what was run before them once more.
    """
    stride = min(LONGEST, spec.max_steps) // len(texts)
    length = min(LENGTH, stride)
    sequence = CodeSequence(session, spec, stride * len(texts))
    for i, text in enumerate(texts):
        start = i * stride
        sequence.run(text, columns[i * LENGTH : i * LENGTH + length], start)
        places = np.arange(start + length, start + stride)
        for each in sequence.cache.values():
            each[:, :, places] = each[:, :, start + (places - start) % length]
    return {kind: np.abs(each).max(axis=(0, 2)).ravel() for kind, each in sequence.cache.items()}
