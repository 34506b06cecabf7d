from typing import Literal

import numpy as np
import onnxruntime as ort
import pytest

from lofi_worker.importer.graph import FLOAT, GraphBuilder, MatrixFormat, Storage
from lofi_worker.importer.quantize import quantize_matrix, quantize_rows, rounding_error


def test_codes_and_scales_of_a_block_by_hand() -> None:
    # One column of 4 in two blocks: the largest magnitude gets code 0, so the scales are 8 / -8 and -4 / -8.
    codes, scales = quantize_matrix(np.array([[8.0], [-3.0], [-4.0], [2.0]], np.float32), 4, 2)
    assert scales.tolist() == [[-1.0, 0.5]]
    low, high = codes & 15, codes >> 4
    assert np.stack([low, high], axis=-1).tolist() == [[[[0, 11]], [[0, 12]]]]

    codes, scales = quantize_matrix(np.array([[8.0], [-3.0], [0.0], [0.0]], np.float32), 8, 2)
    assert scales.tolist() == [[8 / -128, 0.0]]
    assert codes.tolist() == [[[0, 128 + 48], [128, 128]]]


@pytest.mark.parametrize(("bits", "error"), [(8, 0.02), (4, 0.12)])
@pytest.mark.parametrize("inner", [64, 48, 200])
def test_the_operator_computes_what_the_codes_say(bits: Literal[4, 8], error: float, inner: int) -> None:
    random = np.random.default_rng(bits)
    weight = random.normal(size=(24, inner)).astype(np.float32)
    graph = GraphBuilder("product", Storage(lambda name, matrix: MatrixFormat(bits, 32)))
    graph.input("x", FLOAT, ["rows", inner])
    graph.node("Identity", [graph.linear("x", "w", weight)], output="y")
    graph.output("y", FLOAT, ["rows", 24])
    model = graph.model()
    assert [node.op_type for node in model.graph.node] == ["MatMulNBits", "Identity"]
    x = random.normal(size=(5, inner)).astype(np.float32)
    (y,) = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )
    exact = x @ weight.T
    assert np.abs(y - exact).std() < error * exact.std()


def test_other_numbers_of_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="4 or 8"):
        quantize_matrix(np.ones((4, 4), np.float32), 3, 4)


def test_rows_of_a_table_have_a_scale_each() -> None:
    codes, scales = quantize_rows(np.array([[127.0, -3.0], [0.5, 0.25], [0.0, 0.0]], np.float32))
    assert codes.tolist() == [[127, -3], [127, 64], [0, 0]]
    assert scales[:, 0].tolist() == [1.0, np.float32(0.5 / 127), 0.0]


@pytest.mark.parametrize("inner", [48, 512])
def test_4_bits_clip_the_largest_weight_where_that_is_better(inner: int) -> None:
    matrix = np.random.default_rng(4).normal(size=(inner, 16)).astype(np.float32)
    codes, scales = quantize_matrix(matrix, 4, 128)
    steps = np.stack([codes & 15, codes >> 4], axis=-1).reshape(16, -1, 128).astype(np.float32) - 8
    exact = np.zeros((16, steps.shape[1] * 128), np.float32)
    exact[:, :inner] = matrix.T
    lost = np.linalg.norm((steps * scales[:, :, None]).reshape(16, -1) - exact) / np.linalg.norm(exact)
    assert lost == pytest.approx(rounding_error(matrix, 4, 128), rel=1e-5)
    whole = np.abs(exact).reshape(16, -1, 128).max(axis=2) / 8
    assert (np.abs(scales) < 0.99 * whole).any()
    assert lost < 0.105
