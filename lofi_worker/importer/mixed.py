"""Decides which matrices of a model in mixed precision get 8 bits, by what 4 bits would cost each of them."""

import numpy as np
from numpy.typing import NDArray

from lofi_worker.importer.graph import FULL, MatrixFormat
from lofi_worker.importer.precision import INT4, kind_of
from lofi_worker.importer.quantize import rounding_error

SHARE = 0.55
"""Of all weights in matrices, the share that gets 8 bits: with it, all files of musicgen-small have less
than 500 MB."""
SAMPLE = 256  # columns of each matrix that are rounded to measure
# What the rounding of one kind of matrix to 4 bits adds to the divergence of the guided distributions, in
# nats per billion of its weights. Measured on a randomly initialised model of musicgen-small's shape, each
# kind alone, with all others in 8 bits and rounding errors of 10 %.
SENSITIVITY = {
    "encoder_attn.q": 0.2,
    "fc1": 1.2,
    "fc2": 1.4,
    "self_attn.qkv": 2.3,
    "k_proj": 4.9,
    "v_proj": 4.9,
    "self_attn.out": 9.2,
    "encoder_attn.out": 10.0,
    "wi": 10.0,
    "wo": 10.0,
    "lm_heads": 15.5,
    "SelfAttention.q": 78.0,
    "SelfAttention.k": 78.0,
    "SelfAttention.v": 78.0,
    "SelfAttention.o": 78.0,
    "enc_to_dec_proj": 78.0,
}


class Meter:
    """The format of a float32 model's matrices that, on the way, measures what 4 bits would cost."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def __call__(self, name: str, weight: NDArray[np.float32]) -> MatrixFormat:
        sample = weight[:: max(1, len(weight) // SAMPLE)]
        self._seen[name] = (weight.size, rounding_error(sample.T, INT4.bits, INT4.block_size))
        return FULL

    def worst(self) -> frozenset[str]:
        """The names of the matrices that lose most by 4 bits, SHARE of all weights."""
        budget = SHARE * sum(size for size, _ in self._seen.values())
        chosen = []
        for name in sorted(self._seen, key=self._cost, reverse=True):
            size = self._seen[name][0]
            if size <= budget:
                budget -= size
                chosen.append(name)
        return frozenset(chosen)

    def _cost(self, name: str) -> tuple[float, str]:
        return SENSITIVITY[kind_of(name)] * self._seen[name][1] ** 2, name
