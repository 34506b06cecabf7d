import numpy as np
import onnxruntime as ort
import pytest

from lofi_worker.importer.graph import FLOAT, GraphBuilder
from lofi_worker.importer.quantize import quantize, quantize_matrix


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
def test_the_operator_computes_what_the_codes_say(bits: int, error: float, inner: int) -> None:
    random = np.random.default_rng(bits)
    weight = random.normal(size=(24, inner)).astype(np.float32)
    graph = GraphBuilder("product")
    graph.input("x", FLOAT, ["rows", inner])
    graph.node("Identity", [graph.linear("x", "w", weight)], output="y")
    graph.output("y", FLOAT, ["rows", 24])
    model = quantize(graph.model(), bits, 32)
    assert [node.op_type for node in model.graph.node] == ["MatMulNBits", "Identity"]
    x = random.normal(size=(5, inner)).astype(np.float32)
    (y,) = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )
    exact = x @ weight.T
    assert np.abs(y - exact).std() < error * exact.std()


def test_other_numbers_of_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="4 or 8"):
        quantize(GraphBuilder("empty").model(), 3, 32)
