"""Writes ONNX graphs: nodes and initialisers are added one by one, in the order in which they run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lofi_common.errors import ModelLoadFailed
from lofi_worker.importer.data_file import SMALLEST, DataFile
from lofi_worker.importer.quantize import quantize_matrix, quantize_rows

OPSET = 21
MICROSOFT = "com.microsoft"  # the operators that ONNX Runtime adds: fused attention, norms, n-bit products
IR_VERSION = 10

FLOAT = int(TensorProto.FLOAT)
FLOAT16 = int(TensorProto.FLOAT16)
INT8 = int(TensorProto.INT8)
INT32 = int(TensorProto.INT32)
INT64 = int(TensorProto.INT64)
BOOL = int(TensorProto.BOOL)

Dims = Sequence[int | str]
Weights = Mapping[str, NDArray[np.float32]]  # by their names in transformers' state dict

# 4: products in int8 with int32 sums. The lower levels compute in float and are 5 to 8 times slower.
ACCURACY_LEVEL = 4


@dataclass(frozen=True)
class MatrixFormat:
    """How a constant matrix is stored: 32 and 16 are floats, 8 and 4 codes with a scale for each block."""

    bits: Literal[4, 8, 16, 32]
    block_size: int = 0


FULL = MatrixFormat(32)
MatrixFormats = Callable[[str, NDArray[np.float32]], MatrixFormat]


@dataclass(frozen=True)
class Storage:
    """Where and how the weights of a graph are kept.

    matrix: the format of a product's matrix, by its name in the graph and its weights [out, in].
    table: the bits of a table of rows, 8 with a scale for each row; below 32, other large weights are stored
    as float16. Both are computed with as float32. data: the file of what is large; none: in the graph.
    """

    matrix: MatrixFormats = lambda name, weight: FULL
    table: Literal[8, 16, 32] = 32
    data: DataFile | None = None


IN_FULL = Storage()


class GraphBuilder:
    """One ONNX graph in the making. Every method that makes a tensor returns its name."""

    def __init__(self, name: str, storage: Storage = IN_FULL) -> None:
        self._name = name
        self._storage = storage
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._made = 0

    def input(self, name: str, dtype: int, dims: Dims) -> str:
        """Declares a graph input; a dimension given by name is dynamic."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, list(dims)))
        return name

    def output(self, name: str, dtype: int, dims: Dims) -> None:
        """Declares the tensor of this name as a graph output."""
        self._outputs.append(helper.make_tensor_value_info(name, dtype, list(dims)))

    def weight(self, name: str, value: NDArray[Any]) -> str:
        """Adds an initialiser under a name of its own, exactly as it is; names are unique in a graph."""
        if name in self._initializers:
            raise ValueError(f"initialiser {name!r} exists already")
        data = self._storage.data
        if data is not None and value.nbytes >= SMALLEST:
            self._initializers[name] = data.add(name, value)
        else:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def stored(self, name: str, value: NDArray[np.float32]) -> str:
        """Adds a weight that may be stored as float16; the tensor is float32 again."""
        if self._storage.table == 32 or value.nbytes < SMALLEST:
            return self.weight(name, value)
        return self.node("Cast", [self.weight(f"{name}.half", as_half(name, value))], to=FLOAT)

    def rows(self, name: str, table: NDArray[np.float32], at: str) -> str:
        """The rows of a table [rows, width] at these places; only they are made float32 again."""
        bits = self._storage.table
        if bits == 32:
            return self.node("Gather", [self.weight(name, table), at])
        if bits == 16:
            found = self.node("Gather", [self.weight(f"{name}.half", as_half(name, table)), at])
            return self.node("Cast", [found], to=FLOAT)
        codes, scales = quantize_rows(table)
        found = self.node("Gather", [self.weight(f"{name}.codes", codes), at])
        scale = self.node("Gather", [self.weight(f"{name}.scales", scales), at])
        return self.node("Mul", [self.node("Cast", [found], to=FLOAT), scale])

    def constant(self, value: int | Sequence[int]) -> str:
        """Adds an int64 constant, a scalar or a vector, once per value."""
        array = np.array(value, np.int64)
        name = f"int64.{array.tolist()}"
        if name not in self._initializers:
            self.weight(name, array)
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str],
        *,
        output: str = "*",
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node with one output. An empty input name leaves out an optional input."""
        return self.nodes(op, inputs, [output], domain=domain, **attributes)[0]

    def nodes(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """Adds a node with the outputs named; "*" asks for a fresh name, an empty name leaves one out."""
        names = [self._fresh(op) if name == "*" else name for name in outputs]
        label = next(name for name in names if name)
        self._nodes.append(helper.make_node(op, list(inputs), names, name=label, domain=domain, **attributes))
        return names

    def linear(
        self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None
    ) -> str:
        """x @ weight.T (+ bias); `weight` is [out, in], as in a state dict. Stored as the storage says."""
        form = self._storage.matrix(name, weight)
        if form.bits in (4, 8):
            product = self._coded(x, name, weight, form)
        elif form.bits == 16:
            half = self.weight(f"{name}.weight.half", as_half(name, weight.T))
            product = self.node("MatMul", [x, self.node("Cast", [half], to=FLOAT)])
        else:
            product = self.node("MatMul", [x, self.weight(f"{name}.weight", weight.T)])
        if bias is None:
            return product
        return self.node("Add", [product, self.weight(f"{name}.bias", bias)])

    def _coded(self, x: str, name: str, weight: NDArray[np.float32], form: MatrixFormat) -> str:
        codes, scales = quantize_matrix(weight.T, form.bits, form.block_size)
        parts = [self.weight(f"{name}.weight.codes", codes), self.weight(f"{name}.weight.scales", scales)]
        columns, inner = weight.shape
        return self.node(
            "MatMulNBits",
            [x, *parts],
            domain=MICROSOFT,
            K=inner,
            N=columns,
            bits=form.bits,
            block_size=form.block_size,
            accuracy_level=ACCURACY_LEVEL,
        )

    def dim(self, x: str, axis: int) -> str:
        """The size of one dimension of `x`: int64 []."""
        size = self.node("Shape", [x], start=axis, end=axis + 1)
        return self.node("Squeeze", [size])

    def model(self) -> onnx.ModelProto:
        """The finished model."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, list(self._initializers.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lofi")

    def _fresh(self, op: str) -> str:
        self._made += 1
        return f"{op}_{self._made}"


def as_half(name: str, value: NDArray[np.float32]) -> NDArray[np.float16]:
    """Float16 values. Raises ModelLoadFailed when one is too large for it, or no number: the checkpoint may
    be a good one all the same."""
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        raise ModelLoadFailed(
            f"the weight {name} holds what float16 can't: only the precision fp32 keeps it",
            recovery="Ask for it again with --precision fp32: what was fetched is kept.",
        )
    return half
