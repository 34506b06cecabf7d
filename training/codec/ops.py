"""A few words for building ONNX graphs by hand: every method adds one node and returns its output's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from lofi_worker.importer.graph import BOOL, FLOAT, INT32, INT64, GraphBuilder


class Ops:
    """Arithmetic over one GraphBuilder."""

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self._constants: dict[tuple[str, bytes, tuple[int, ...]], str] = {}

    def table(self, value: NDArray[Any]) -> str:
        """A constant array; equal arrays are stored once."""
        key = (value.dtype.str, value.tobytes(), value.shape)
        if key not in self._constants:
            # GraphBuilder.weight makes a vector of a scalar.
            self._constants[key] = (
                self.graph.weight(f"table_{len(self._constants)}", value)
                if value.ndim
                else self.op("Constant", value=numpy_helper.from_array(value))
            )
        return self._constants[key]

    def i(self, value: int | Sequence[int]) -> str:
        return self.table(np.array(value, np.int64))

    def f(self, value: float | Sequence[float]) -> str:
        return self.table(np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.graph.node(kind, inputs, **attributes)

    def add(self, *terms: str) -> str:
        total = terms[0]
        for term in terms[1:]:
            total = self.op("Add", total, term)
        return total

    def sub(self, a: str, b: str) -> str:
        return self.op("Sub", a, b)

    def mul(self, *factors: str) -> str:
        product = factors[0]
        for factor in factors[1:]:
            product = self.op("Mul", product, factor)
        return product

    def div(self, a: str, b: str) -> str:
        """Quotient; of integers that are not negative, the floor."""
        return self.op("Div", a, b)

    def mod(self, a: str, b: str) -> str:
        return self.op("Mod", a, b)

    def at_least(self, a: str, floor: str) -> str:
        return self.op("Max", a, floor)

    def at_most(self, a: str, ceiling: str) -> str:
        return self.op("Min", a, ceiling)

    def less(self, a: str, b: str) -> str:
        return self.op("Less", a, b)

    def equal(self, a: str, b: str) -> str:
        return self.op("Equal", a, b)

    def both(self, *terms: str) -> str:
        result = terms[0]
        for term in terms[1:]:
            result = self.op("And", result, term)
        return result

    def either(self, a: str, b: str) -> str:
        return self.op("Or", a, b)

    def where(self, condition: str, yes: str, no: str) -> str:
        return self.op("Where", condition, yes, no)

    def cast(self, x: str, dtype: int) -> str:
        return self.op("Cast", x, to=dtype)

    def real(self, x: str) -> str:
        return self.cast(x, FLOAT)

    def whole(self, x: str) -> str:
        return self.cast(x, INT64)

    def short(self, x: str) -> str:
        return self.cast(x, INT32)

    def truth(self, x: str) -> str:
        return self.cast(x, BOOL)

    def gather(self, table: str, index: str, axis: int = 0) -> str:
        return self.op("Gather", table, index, axis=axis)

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.op("Unsqueeze", x, self.i(list(axes)))

    def squeeze(self, x: str, *axes: int) -> str:
        return self.op("Squeeze", x, self.i(list(axes)))

    def reshape(self, x: str, *dims: int) -> str:
        return self.op("Reshape", x, self.i(list(dims)))

    def join(self, *parts: str, axis: int = 0) -> str:
        return self.op("Concat", *parts, axis=axis)

    def cut(self, x: str, first: str, past: str, axis: int) -> str:
        """x[first:past] along an axis; both ends int64 []."""
        return self.op("Slice", x, self.unsqueeze(first, 0), self.unsqueeze(past, 0), self.i([axis]))

    def count(self, first: str, past: str) -> str:
        """int64 [past - first]: first, first + 1, ..."""
        return self.op("Range", first, past, self.i(1))

    def total(self, x: str, axis: int) -> str:
        return self.op("ReduceSum", x, self.i([axis]), keepdims=0)

    def length(self, x: str, axis: int) -> str:
        """Size of one dimension, int64 []."""
        return self.squeeze(self.op("Shape", x, start=axis, end=axis + 1), 0)
