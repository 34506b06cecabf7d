"""One sequence of codes through a decoder graph, many positions in each run."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import DecoderSpec
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import EncodedText


def without_prompt(text: EncodedText) -> EncodedText:
    """What the null rows of guidance see: nothing but zeros."""
    return replace(text, cross={name: np.zeros_like(each) for name, each in text.cross.items()})


class CodeSequence:
    """A sequence with room for `capacity` positions.

    cache: the keys and values of each layer so far, [1, heads, capacity, head_dim] by `{layer}.key` and
    `{layer}.value`.
    """

    def __init__(self, session: Session, spec: DecoderSpec, capacity: int) -> None:
        self._session = session
        self._spec = spec
        kinds = [f"{i}.{kind}" for i in range(spec.layers) for kind in ("key", "value")]
        size = (1, spec.heads, capacity, spec.head_dim)
        self.cache = {kind: np.zeros(size, session.dtype(f"past.{kind}")) for kind in kinds}

    def run(self, text: EncodedText, columns: NDArray[np.int64], start: int) -> NDArray[np.float32]:
        """The logits float32 [length, codebooks, codebook_size] of the columns [length, codebooks].

        They stand at the positions from `start` on; those before it are in the cache.
        Raises ModelInferenceFailed.
        """
        length = len(columns)
        shape = (length, self._spec.codebooks, self._spec.codebook_size)
        logits: NDArray[np.float32] = np.zeros(shape, np.float32)
        inputs: dict[str, NDArray[Any]] = {
            "tokens": np.ascontiguousarray(columns[None]),
            "seqlens_k": np.full(1, start + length - 1, np.int32),
            "total_sequence_length": np.full(1, start + length, np.int32),
            "cross_mask": np.ones((1, text.tokens), np.int32),
            **{f"past.{kind}": each for kind, each in self.cache.items()},
            **{name: each[None] for name, each in text.cross.items()},
        }
        outputs = {"logits": logits[None], **{f"present.{kind}": each for kind, each in self.cache.items()}}
        self._session.run_bound(self._session.bind(inputs, outputs))
        return logits
