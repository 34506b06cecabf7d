"""Many positions of one row of the decoder in one run."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lofi_common.manifest import DecoderSpec
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import EncodedText


def without_prompt(text: EncodedText) -> EncodedText:
    """What the null rows of guidance see: nothing but zeros."""
    return replace(text, cross={name: np.zeros_like(each) for name, each in text.cross.items()})


@dataclass(frozen=True)
class BoundColumns:
    """A run that is prepared. The arrays are what it reads and writes: they live as long as it may run."""

    binding: ort.IOBinding
    logits: NDArray[np.float32]
    """[columns, codebooks, codebook_size]"""
    inputs: dict[str, NDArray[Any]]


def bind_columns(
    session: Session,
    spec: DecoderSpec,
    cache: dict[str, NDArray[Any]],
    text: EncodedText,
    columns: NDArray[np.int64],
    start: int,
    frames_left: int = 0,
) -> BoundColumns:
    """Ties the decoder graph to the columns [columns, codebooks] at the positions from `start` on.

    cache: keys and values, [1, heads, capacity, head_dim] by `{layer}.key` and `{layer}.value`; those of the
    positions before `start` are there, and those of the columns are written. frames_left: of the last column.
    """
    length = len(columns)
    shape = (length, spec.codebooks, spec.codebook_size)
    logits: NDArray[np.float32] = np.zeros(shape, np.float32)
    inputs: dict[str, NDArray[Any]] = {
        "tokens": np.ascontiguousarray(columns[None]),
        "seqlens_k": np.full(1, start + length - 1, np.int32),
        "total_sequence_length": np.full(1, start + length, np.int32),
        "cross_mask": np.ones((1, text.tokens), np.int32),
        **({"frames_left": np.full(1, frames_left, np.int64)} if "frames_left" in session.inputs else {}),
        **{f"past.{kind}": each for kind, each in cache.items()},
        **{name: np.ascontiguousarray(each[None]) for name, each in text.cross.items()},
    }
    outputs = {"logits": logits[None], **{f"present.{kind}": each for kind, each in cache.items()}}
    return BoundColumns(session.bind(inputs, outputs), logits, inputs)
