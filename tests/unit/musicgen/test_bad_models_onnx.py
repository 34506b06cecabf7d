"""ONNX exports that are damaged, wrong or hostile: refused with a reason, and no file of a model is left."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lofi_common.errors import LofiError, ModelNotFound
from lofi_worker.importer.sources.onnx_file import OnnxFile
from lofi_worker.importer.sources.optimum import read_optimum
from tests.parity.checkpoints import SPLIT, export_of
from tests.unit.musicgen.refusal import refused

DECODER = "decoder_model.onnx"
WEIGHT = "decoder.model.decoder.layer_norm.weight"
Change = Callable[[onnx.ModelProto], None]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return export_of(SPLIT, tmp_path / "export")


def change(export: Path, edit: Change, name: str = DECODER) -> None:
    model = onnx.load(export / name)
    edit(model)
    (export / name).write_bytes(model.SerializeToString())


def weight_of(model: onnx.ModelProto, name: str = WEIGHT) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def outside(export: Path, location: str, **entries: str) -> None:
    """Makes a weight of the decoder lie elsewhere."""

    def edit(model: onnx.ModelProto) -> None:
        tensor = weight_of(model)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **entries}.items():
            tensor.external_data.add(key=key, value=value)

    change(export, edit)


@pytest.mark.parametrize("absolute", [True, False])
def test_external_data_outside_the_folder(export: Path, absolute: bool) -> None:
    secret = export.parent / "secret"
    secret.write_bytes(b"\0" * 192)
    outside(export, str(secret) if absolute else "../secret")
    refused(export, "names data outside the model's folder")


@pytest.mark.parametrize("location", ["", ".", "..", "a/b", "./data", "data\0", "/dev/zero", "data/"])
def test_locations_that_are_no_name_of_a_file(export: Path, location: str) -> None:
    (export / "data").write_bytes(b"\0" * 192)
    outside(export, location)
    refused(export, "names data outside the model's folder")


def test_external_data_behind_a_link(export: Path) -> None:
    secret = export.parent / "secret"
    secret.write_bytes(b"\0" * 192)
    (export / "data").symlink_to(secret)
    outside(export, "data")
    assert "cp -rL" in refused(export, "behind a symbolic link").recovery


@pytest.mark.parametrize("location", ["data", "x" * 300])
def test_external_data_that_is_missing(export: Path, location: str) -> None:
    outside(export, location)
    refused(export, location, ModelNotFound)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"offset": "1"}, "has 191 bytes"),
        ({"offset": "193"}, "beyond the end"),
        ({"offset": "-8"}, "beyond the end"),
        ({"length": "1000000000000"}, "beyond the end"),
        ({"length": "100"}, "has 100 bytes"),
        ({"offset": "x"}, "by no numbers"),
        ({"offset": "9" * 4000}, "beyond the end"),
    ],
)
def test_external_data_of_another_size(export: Path, entries: dict[str, str], reason: str) -> None:
    (export / "data").write_bytes(b"\0" * 192)
    outside(export, "data", **entries)
    refused(export, reason)


def bytes_cut(model: onnx.ModelProto) -> None:
    weight_of(model).raw_data = weight_of(model).raw_data[:-4]


def bytes_missing(model: onnx.ModelProto) -> None:
    weight_of(model).ClearField("raw_data")


def absurd_dims(model: onnx.ModelProto) -> None:
    weight_of(model).dims[:] = [2**62]


def negative_dims(model: onnx.ModelProto) -> None:
    weight_of(model).dims[:] = [-48]


def many_dims(model: onnx.ModelProto) -> None:
    weight_of(model).dims[:] = [1] * 100_000


def many_nodes(model: onnx.ModelProto) -> None:
    model.graph.MergeFromString(b"\x0a\x00" * 100_001)  # field 1, empty


def many_constants(model: onnx.ModelProto) -> None:
    model.graph.MergeFromString(b"\x2a\x00" * 100_001)  # field 5, empty


def many_inputs(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[:] = [""] * 10_001


def many_fields(model: onnx.ModelProto) -> None:
    model.graph.MergeFromString(b"\xa0\x06\x00" * 2_000_001)  # field 100, which means nothing


def many_labels(model: onnx.ModelProto) -> None:
    entry = weight_of(model).external_data.add(key="location", value="data")
    entry.MergeFromString(b"\xa0\x06\x00" * 2_000_001)


def integers(model: onnx.ModelProto) -> None:
    weight_of(model).data_type = TensorProto.INT32


def other_shape(model: onnx.ModelProto) -> None:
    weight_of(model).CopyFrom(numpy_helper.from_array(np.ones(47, np.float32), WEIGHT))


def not_finite(model: onnx.ModelProto) -> None:
    weight_of(model).CopyFrom(numpy_helper.from_array(np.full(48, np.nan, np.float32), WEIGHT))


def without_paths(model: onnx.ModelProto) -> None:
    for i, node in enumerate(model.graph.node):
        node.name = f"node_{i}"


def quantised(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "MatMul").op_type = "MatMulInteger"


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def nested(model: onnx.ModelProto) -> None:
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "innermost", [], [])
    for depth in range(10):
        node = helper.make_node("If", ["c"], [f"d{depth}"], then_branch=graph)
        graph = helper.make_graph([node], "outer", [], [])
    model.graph.node.extend(graph.node)


def long_name(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = "x" * 10_000_000


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (bytes_cut, f"{WEIGHT} has 188 bytes"),
        (bytes_missing, f"{WEIGHT} holds no raw data"),
        (absurd_dims, f"{WEIGHT} has the dimensions"),
        (negative_dims, f"{WEIGHT} has the dimensions"),
        (many_dims, "more than 8 dimensions"),
        (many_nodes, "more than 100000 nodes"),
        (many_constants, "more than 100000 constants"),
        (many_inputs, "more than 10000 places"),
        (many_fields, "more than 2000000 fields"),
        (many_labels, "more than 2000000 fields"),
        (integers, f"{WEIGHT} has the type TensorProto 6"),
        (other_shape, rf"{WEIGHT} has the shape \[47\]"),
        (not_finite, f"{WEIGHT} holds values that are not finite"),
        (without_paths, "no weight"),
        (quantised, r"is quantised \(MatMulInteger\)"),
        (sparse, "sparse weights"),
        (nested, "branches in branches"),
        (long_name, "a name of 10000000 bytes"),
    ],
)
def test_exports_that_lie(export: Path, edit: Change, reason: str) -> None:
    change(export, edit)
    refused(export, reason)


@pytest.mark.timeout(10)
def test_many_branches_that_see_many_constants(tmp_path: Path) -> None:
    """None of them has a node, so that only the branches themselves cost time."""
    graph = onnx.GraphProto()
    for n in range(50_000):
        graph.initializer.add(name=str(n))
    node = helper.make_node("If", ["c"], ["d"], name="/If")
    node.attribute.extend(helper.make_attribute("then_branch", onnx.GraphProto()) for _ in range(9_000))
    graph.node.extend([node] * 5)
    path = tmp_path / "branches.onnx"
    path.write_bytes(onnx.ModelProto(graph=graph).SerializeToString())
    assert len(list(OnnxFile(path).nodes())) == 5


def test_another_graph_under_the_name(export: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], name="/relu/Relu")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    onnx.save(helper.make_model(helper.make_graph([node], "g", values[:1], values[1:])), export / DECODER)
    refused(export, "no weight")


@pytest.mark.parametrize("name", ["text_encoder.onnx", DECODER, "encodec_decode.onnx"])
def test_a_missing_part(export: Path, name: str) -> None:
    (export / name).unlink()
    refused(export, f"is not a whole export of MusicGen: it takes .*{re.escape(name)}")


@pytest.mark.parametrize("kept", [0, 1, 2, 100, 50_000, -1])
@pytest.mark.parametrize("name", ["text_encoder.onnx", DECODER, "encodec_decode.onnx"])
def test_truncated(export: Path, name: str, kept: int) -> None:
    path = export / name
    path.write_bytes(path.read_bytes()[:kept])
    refused(export, re.escape(name))


RUBBISH = {
    "ones": b"\xff" * 1000,
    "zeros": b"\0" * 1000,
    "torch archive": b"PK\x03\x04" + b"\0" * 100,
    "pickle": b"\x80\x04\x95",
    "web page": b"<html>",
    "two graphs": b"\x3a\x00\x3a\x00",
}


@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH)
def test_rubbish(export: Path, content: bytes) -> None:
    (export / DECODER).write_bytes(content)
    refused(export, re.escape(DECODER))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 113_502), st.integers(0, 255)), min_size=1, max_size=40),
    cut=st.none() | st.integers(0, 113_502),
)
def test_any_damage_is_an_error_or_harmless(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray((SPLIT / "text_encoder.onnx").read_bytes())
    for place, value in changes:
        data[place] = value
    path = tmp_path / "damaged.onnx"
    path.unlink(missing_ok=True)  # a mapped file keeps its bytes
    path.write_bytes(data[:cut])
    try:
        stored = read_optimum({"text_encoder.": path})
    except LofiError:
        return
    for weight in stored.values():
        assert weight.read().shape == weight.shape
