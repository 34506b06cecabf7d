"""Stores the constant matrices of a graph in few bits: smaller on disk, fewer bytes to read in a step.

The format is that of ONNX Runtime's operator `MatMulNBits`: each of the N columns of a matrix [K, N] is cut
into blocks with one scale each, and value = (code - 2^(bits - 1)) * scale.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from lofi_worker.importer.graph import MICROSOFT

# 4: products in int8 with int32 sums. The lower levels compute in float and are 5 to 8 times slower.
ACCURACY_LEVEL = 4


def quantize(model: onnx.ModelProto, bits: int, block_size: int) -> onnx.ModelProto:
    """A copy of `model` in which every product with a constant matrix has it in `bits` (8 or 4) per weight.

    Raises ValueError for another number of bits.
    """
    if bits not in (4, 8):
        raise ValueError(f"bits must be 4 or 8, not {bits}")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    matrices = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}
    nodes = []
    for node in graph.node:
        matrix = matrices.get(node.input[1]) if node.op_type == "MatMul" else None
        if matrix is None:
            nodes.append(node)
            continue
        columns, inner = matrix.dims[1], matrix.dims[0]
        codes, scales = quantize_matrix(numpy_helper.to_array(matrix), bits, block_size)
        graph.initializer.remove(matrix)
        names = [f"{matrix.name}.codes", f"{matrix.name}.scales"]
        graph.initializer.append(numpy_helper.from_array(codes, names[0]))
        graph.initializer.append(numpy_helper.from_array(scales, names[1]))
        nodes.append(
            helper.make_node(
                "MatMulNBits",
                [node.input[0], *names],
                list(node.output),
                name=node.name,
                domain=MICROSOFT,
                K=inner,
                N=columns,
                bits=bits,
                block_size=block_size,
                accuracy_level=ACCURACY_LEVEL,
            )
        )
    del graph.node[:]
    graph.node.extend(nodes)
    return copy


def quantize_matrix(
    matrix: NDArray[np.float32], bits: int, block_size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes uint8 [N, blocks, block_size * bits / 8] and scales float32 [N, blocks] of a matrix [K, N].

    Rounded to nearest. A block's largest magnitude gets the code 0, which has no positive twin, so that the
    whole range of codes is used; hence the scales may be negative.
    """
    inner, columns = matrix.shape
    blocks = -(-inner // block_size)
    padded = np.zeros((columns, blocks * block_size), np.float32)
    padded[:, :inner] = matrix.T
    grouped = padded.reshape(columns, blocks, block_size)
    largest = np.take_along_axis(grouped, np.abs(grouped).argmax(axis=2, keepdims=True), axis=2)
    middle = 2 ** (bits - 1)
    scales = (largest / np.float32(-middle)).astype(np.float32)
    divisors = np.where(scales == 0, np.float32(1), scales)
    codes = np.clip(np.rint(grouped / divisors) + middle, 0, 2 * middle - 1).astype(np.uint8)
    if bits == 4:  # two codes a byte, the first in the low half
        codes = codes[:, :, ::2] | (codes[:, :, 1::2] << 4)
    return codes, scales[:, :, 0]
