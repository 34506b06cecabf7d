"""One sequence of codes through a decoder graph, many positions in each run."""

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import DecoderSpec
from lofi_worker.musicgen.columns import bind_columns
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import EncodedText


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
        bound = bind_columns(self._session, self._spec, self.cache, text, columns, start)
        self._session.run_bound(bound.binding)
        return bound.logits
