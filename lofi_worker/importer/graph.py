"""Writes ONNX graphs: nodes and initialisers are added one by one, in the order in which they run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
MICROSOFT = "com.microsoft"  # the operators that ONNX Runtime adds: fused attention, norms, n-bit products
IR_VERSION = 10

FLOAT = int(TensorProto.FLOAT)
INT32 = int(TensorProto.INT32)
INT64 = int(TensorProto.INT64)
BOOL = int(TensorProto.BOOL)

Dims = Sequence[int | str]
Weights = Mapping[str, NDArray[np.float32]]  # by their names in transformers' state dict


class GraphBuilder:
    """One ONNX graph in the making. Every method that makes a tensor returns its name."""

    def __init__(self, name: str) -> None:
        self._name = name
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
        """Adds an initialiser under a name of its own; names are unique in a graph."""
        if name in self._initializers:
            raise ValueError(f"initialiser {name!r} exists already")
        self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

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
        """x @ weight.T (+ bias); `weight` is [out, in], as in a state dict."""
        product = self.node("MatMul", [x, self.weight(f"{name}.weight", weight.T)])
        if bias is None:
            return product
        return self.node("Add", [product, self.weight(f"{name}.bias", bias)])

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
