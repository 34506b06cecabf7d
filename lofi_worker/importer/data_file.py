"""The weights beside a graph: one file that is written while the graph is built.

ONNX calls it external data. ONNX Runtime maps it into memory and reads each tensor once, so that neither an
import nor a load holds all weights, and a graph may have more than the 2 GiB that a protobuf message can.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

ALIGNMENT = 4096
"""Tensors begin at whole pages, as mapping them one by one needs."""
SMALLEST = 1024
"""Bytes; what is smaller stays inside the graph."""


class DataFile:
    """Collects tensors; a context manager, within which the graph is built."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, value: NDArray[Any]) -> onnx.TensorProto:
        """Appends the values and returns the initialiser that points to them."""
        offset = -(-self._file.tell() // ALIGNMENT) * ALIGNMENT
        self._file.write(b"\0" * (offset - self._file.tell()))
        self._file.write(np.ascontiguousarray(value).data)
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        tensor = TensorProto(name=name, data_type=kind, data_location=TensorProto.EXTERNAL)
        tensor.dims.extend(value.shape)
        places = {"location": self.path.name, "offset": offset, "length": value.nbytes}
        for key, place in places.items():
            tensor.external_data.add(key=key, value=str(place))
        return tensor
