"""Weights beside the graph, in halves, and the choice of formats."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.errors import ModelLoadFailed
from lofi_worker.importer.data_file import ALIGNMENT, SMALLEST, DataFile
from lofi_worker.importer.graph import FLOAT, INT64, GraphBuilder, MatrixFormat, Storage, as_half
from lofi_worker.importer.mixed import Meter
from lofi_worker.importer.precision import formats_for, kind_of
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings

Bits = Literal[8, 16, 32]
INNER, OUTER = 64, 40
X = np.random.default_rng(1).normal(size=(3, INNER)).astype(np.float32)
PLACES = np.array([[2], [0], [7]], np.int64)


def save(folder: Path, form: MatrixFormat, bits: Bits) -> Path:
    """y = x @ matrix.T + bias, and rows of a table; the weights lie in weights.data."""
    random = np.random.default_rng(2)
    path = folder / "product.onnx"
    with DataFile(folder / "weights.data") as data:
        graph = GraphBuilder("product", Storage(lambda name, weight: form, bits, data))
        graph.input("x", FLOAT, ["rows", INNER])
        graph.input("at", INT64, ["rows", 1])
        product = graph.linear("x", "w", *matrix_and_bias(random))
        graph.node("Identity", [product], output="y")
        graph.node("Identity", [graph.rows("table", table(random), "at")], output="found")
        graph.output("y", FLOAT, ["rows", OUTER])
        graph.output("found", FLOAT, ["rows", 1, 32])
        path.write_bytes(graph.model().SerializeToString())
    return path


def matrix_and_bias(random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    matrix = random.normal(size=(OUTER, INNER)).astype(np.float32)
    return matrix, random.normal(size=OUTER).astype(np.float32)


def table(random: np.random.Generator) -> NDArray[np.float32]:
    return random.normal(size=(9, 32)).astype(np.float32)


@pytest.mark.parametrize(
    ("form", "bits", "error", "table_error"),
    [
        (MatrixFormat(32), 32, 1e-5, 0),
        (MatrixFormat(16), 16, 2e-2, 2e-3),
        (MatrixFormat(8, 32), 8, 0.3, 2e-2),
        (MatrixFormat(4, 32), 8, 3.0, 2e-2),
    ],
)
def test_a_graph_reads_its_weights_from_the_file_beside_it(
    tmp_path: Path, form: MatrixFormat, bits: Bits, error: float, table_error: float
) -> None:
    path = save(tmp_path, form, bits)
    y, found = Session.unchecked(path, RunSettings(threads=1)).run({"x": X, "at": PLACES}, ["y", "found"])
    random = np.random.default_rng(2)
    matrix, bias = matrix_and_bias(random)
    difference = np.abs(y - (X @ matrix.T + bias)).max()
    assert difference < error
    assert (difference > 1e-5) == (form.bits < 32)
    assert np.abs(found - table(random)[PLACES]).max() <= table_error


@pytest.mark.parametrize("bits", [16, 32])
def test_the_file_is_as_large_as_the_bits_and_tensors_begin_at_pages(
    tmp_path: Path, bits: Literal[16, 32]
) -> None:
    path = save(tmp_path, MatrixFormat(bits), bits)
    matrix, rows = bits // 8 * INNER * OUTER, bits // 8 * 9 * 32
    pages = -(-matrix // ALIGNMENT) * ALIGNMENT
    size = (tmp_path / "weights.data").stat().st_size
    assert size == (pages + rows if rows >= SMALLEST else matrix)
    assert path.stat().st_size < 2000


def test_a_graph_without_its_file_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, MatrixFormat(32), 32)
    (tmp_path / "weights.data").unlink()
    with pytest.raises(ModelLoadFailed, match=r"product\.onnx can't be loaded"):
        Session.unchecked(path, RunSettings(threads=1))


@pytest.mark.parametrize("value", [70_000.0, np.nan])
def test_what_float16_cannot_hold_is_refused(value: float) -> None:
    with pytest.raises(ModelLoadFailed, match=r"the weight w .* fp32"):
        as_half("w", np.full((2, 2), value, np.float32))


def test_each_precision_has_its_formats() -> None:
    weight = np.zeros((2, 2), np.float32)
    decoder, text = "layers.3.fc1", "block.3.layer.1.wi"
    bits = {
        precision: [
            formats_for(precision, frozenset({text})).matrix(name, weight).bits for name in (decoder, text)
        ]
        for precision in ("fp32", "fp16", "int8", "int4", "mixed")
    }
    assert bits == {"fp32": [32, 32], "fp16": [16, 16], "int8": [8, 8], "int4": [4, 8], "mixed": [4, 8]}
    assert [formats_for(p, frozenset()).codes for p in ("fp32", "fp16", "int8")] == [False, False, True]


def test_the_kind_of_a_product() -> None:
    names = ["layers.11.self_attn.qkv", "cross.3.k_proj", "block.0.layer.1.wi", "lm_heads", "enc_to_dec_proj"]
    assert [kind_of(name) for name in names] == [
        "self_attn.qkv",
        "k_proj",
        "wi",
        "lm_heads",
        "enc_to_dec_proj",
    ]


def test_the_matrices_that_lose_most_get_8_bits() -> None:
    random = np.random.default_rng(3)
    meter = Meter()
    even = np.where(random.normal(size=(64, 512)) > 0, 1, -1).astype(np.float32)  # 4 bits hold it exactly
    rough = random.standard_t(2, size=(64, 512)).astype(np.float32)  # a few weights are very large
    normal = random.normal(size=(64, 512)).astype(np.float32)
    for layer, matrix in enumerate((even, normal, rough, even, even)):
        assert meter(f"layers.{layer}.fc1", matrix).bits == 32
    assert meter.worst() == {"layers.1.fc1", "layers.2.fc1"}


def test_a_matrix_that_matters_more_comes_first() -> None:
    meter = Meter()
    matrix = np.random.default_rng(3).normal(size=(64, 512)).astype(np.float32)
    for name in ("layers.0.fc1", "layers.0.encoder_attn.q", "lm_heads", "block.0.layer.0.SelfAttention.q"):
        meter(name, matrix)
    assert meter.worst() == {"lm_heads", "block.0.layer.0.SelfAttention.q"}
