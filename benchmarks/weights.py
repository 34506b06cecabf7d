"""How many bytes of weights one decoder step reads: what memory bandwidth bounds it by.

    python -m benchmarks.weights DECODER.onnx

Tables of which a step reads only rows (embeddings, positions) don't count, nor does what only the first step
reads (the keys and values of the text).
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from pathlib import Path

import onnx

CAST_BITS = 32  # what is stored as float16 becomes float32 while the graph is loaded
ROWS_ONLY = "Gather"
ONCE = re.compile(r"embed_tokens|embed_positions|encoder_attn\.[kv]_proj")
BITS: dict[int, int] = {  # of one element
    onnx.TensorProto.FLOAT: 32,
    onnx.TensorProto.FLOAT16: 16,
    onnx.TensorProto.BFLOAT16: 16,
    onnx.TensorProto.INT8: 8,
    onnx.TensorProto.UINT8: 8,
    onnx.TensorProto.INT4: 4,
    onnx.TensorProto.UINT4: 4,
    onnx.TensorProto.INT32: 32,
    onnx.TensorProto.INT64: 64,
    onnx.TensorProto.BOOL: 8,
}


def onnx_step_bytes(path: Path) -> int:
    """For a decoder graph; of a merged one, which begins with a branch, the side of all later steps."""
    graph = onnx.load(str(path), load_external_data=False).graph
    tables = [graph.initializer]
    nodes = graph.node
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "If" and attribute.name == "then_branch":
                nodes = attribute.g.node
                tables.append(attribute.g.initializer)
    read = {name for node in nodes if node.op_type != ROWS_ONLY for name in node.input}
    cast = {name for node in nodes if node.op_type == "Cast" for name in node.input}
    return sum(
        _count(tensor.dims) * (CAST_BITS if tensor.name in cast else BITS[tensor.data_type]) // 8
        for table in tables
        for tensor in table
        if tensor.name in read
    )


def checkpoint_step_bytes(path: Path, bytes_each: int) -> int:
    """For the decoder of a safetensors checkpoint, run with weights of `bytes_each`."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    names = (name for name in header if name.startswith("decoder.") and not ONCE.search(name))
    return sum(_count(header[name]["shape"]) * bytes_each for name in names)


def _count(dims: Iterable[int]) -> int:
    count = 1
    for size in dims:
        count *= size
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decoder", type=Path)
    print(onnx_step_bytes(parser.parse_args().decoder))


if __name__ == "__main__":
    main()
