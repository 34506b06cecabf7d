"""Weights by their names in transformers, read when they are asked for and never all at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lofi_worker.importer.sources.files import forget
from lofi_worker.importer.sources.refused import BadCheckpoint

# The spellings of a weight-normalised weight: its gain and its direction, after the name of the module.
WEIGHT_NORMS = (
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_g", "weight_v"),
)

LARGEST = 1e6  # sums of such weights' squares are still far from float32's end


@dataclass(frozen=True, slots=True)
class Stored:
    """A weight that lies in a file; `read` gives it as float32 of this shape."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.float32]]


class StoredWeights(Mapping[str, NDArray[np.float32]]):
    """All weights of a checkpoint. Each look-up reads the file again: nothing is kept in memory."""

    def __init__(self, source: Path, stored: Mapping[str, Stored]) -> None:
        self._source = source
        self._stored = dict(stored)
        for gain, direction in WEIGHT_NORMS:
            for name in [name for name in self._stored if name.endswith(f".{gain}")]:
                self._fold(name.removesuffix(gain), gain, direction)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Raises KeyError for an unknown name, BadCheckpoint when a value is NaN or absurdly large."""
        array = self._stored[name].read()
        require_finite(array, name, self._source)
        return array

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def shape(self, name: str) -> tuple[int, ...]:
        """Without reading the weight. Raises KeyError for an unknown name."""
        return self._stored[name].shape

    def only(self, names: Iterable[str]) -> "StoredWeights":
        """These weights and no others. Raises KeyError for an unknown name."""
        return StoredWeights(self._source, {name: self._stored[name] for name in names})

    def _fold(self, module: str, gain: str, direction: str) -> None:
        """Adds the plain weight of a weight-normalised convolution beside its two halves."""
        g, v = self._stored[module + gain], self._stored.get(module + direction)
        if v is None or len(v.shape) != 3 or g.shape != (v.shape[0], 1, 1):
            raise BadCheckpoint(f"{self._source}: the halves of {module}weight do not fit together")
        self._stored.setdefault(
            f"{module}weight", Stored(v.shape, lambda: fold_weight_norm(g.read(), v.read()))
        )


def fold_weight_norm(gain: NDArray[np.float32], direction: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weight of a weight-normalised convolution: gain * direction / |direction|, by the first axis.

    A direction of length 0 gives NaN, as in torch.
    """
    length = np.sqrt(np.sum(np.square(direction, dtype=np.float64), axis=(1, 2), keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        folded: NDArray[np.float32] = (gain * direction / length).astype(np.float32)
    return folded


def require_finite(array: NDArray[np.float32], name: str, source: Path) -> None:
    """Raises BadCheckpoint when a value is NaN, infinite, or larger than any network's."""
    # By the extremes: no second array of the weight's size is made. NaN compares as false.
    if array.size and not (array.min() >= -LARGEST and array.max() <= LARGEST):
        raise BadCheckpoint(
            f"{source}: the weight {name} holds values that are not finite, or larger than {LARGEST:g}"
        )


def from_bytes(data: memoryview, kind: str, shape: tuple[int, ...], where: str) -> Stored:
    """A weight in little-endian bytes of the type F32, F16 or BF16.

    Raises BadCheckpoint for another type, and when the shape does not account for the bytes.
    """
    dtype = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}.get(kind)
    if dtype is None:
        raise BadCheckpoint(f"{where} has the type {kind}; only F32, F16 and BF16 can be imported")
    if prod(shape) * np.dtype(dtype).itemsize != len(data):
        raise BadCheckpoint(f"{where} has {len(data)} bytes, which are not {kind} of shape {list(shape)}")

    def read() -> NDArray[np.float32]:
        array: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape)
        if kind == "BF16":  # the upper half of a float32
            copy = (array.astype(np.uint32) << 16).view(np.float32)
        else:
            copy = array.astype(np.float32)
        forget(data)
        return copy

    return Stored(shape, read)
