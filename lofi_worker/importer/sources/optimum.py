"""Weights of an ONNX export by Optimum, with transformers' names.

The exporter folds the transposition of a matrix into a new, anonymous constant ("onnx::MatMul_550"), but a
node's name keeps the path of its module ("/decoder/model/decoder/layers.0/self_attn/q_proj/MatMul"). So a
weight is found by the node that uses it, and by its own name where it kept one. `decoder_model` and
`decoder_model_merged` hold every weight of the decoder; `decoder_with_past_model` repeats most of them and is
not read.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lofi_worker.importer.sources.onnx_file import Node, OnnxFile, Tensor
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.weights import Stored

# By the name of a module in the whole model: the names that its file may have, the best first.
PARTS = {
    "text_encoder.": ("text_encoder",),
    "": ("decoder_model_merged", "decoder_model"),
    "audio_encoder.": ("encodec_decode",),
}
SUFFIXES = ("", "_fp16")
SHARED_TABLES = (
    "shared.weight",
    "encoder.shared.weight",
    "encoder.embed_tokens.weight",
    "embed_tokens.weight",
)
INTEGER_OPS = (
    "MatMulInteger",
    "ConvInteger",
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulNBits",
)
MERGED = re.compile(r"_merged_\d+$")  # what Optimum appends to what both branches share
LSTM_STEP = re.compile(r"LSTM(?:_(\d{1,3}))?")
PARAMETER = re.compile(r"\.(weight|bias|weight_g|weight_v|original[01]|embed)$")


def optimum_files(folder: Path) -> dict[str, Path]:
    """The files of an export, by the prefix of their weights; empty when the folder holds no export.

    Raises BadCheckpoint when only some of the parts are there.
    """
    for suffix in SUFFIXES:
        found = {
            prefix: folder / f"{name}{suffix}.onnx"
            for prefix, names in PARTS.items()
            for name in reversed(names)
            if (folder / f"{name}{suffix}.onnx").exists()
        }
        if len(found) == len(PARTS):
            return found
    if any(folder.glob("*.onnx")):
        wanted = ", ".join(" or ".join(f"{name}.onnx" for name in names) for names in PARTS.values())
        raise BadCheckpoint(f"{folder} is not a whole export of MusicGen: it takes {wanted}")
    return {}


def read_optimum(files: dict[str, Path]) -> dict[str, Stored]:
    """Every weight of the export. Raises IncompleteCheckpoint and BadCheckpoint naming the file."""
    stored: dict[str, Stored] = {}
    for prefix, path in files.items():
        for name, weight in _read_part(OnnxFile(path)).items():
            stored[prefix + name] = weight
    for name in SHARED_TABLES:
        if f"text_encoder.{name}" in stored:
            stored.setdefault("text_encoder.shared.weight", stored[f"text_encoder.{name}"])
    return stored


def _read_part(file: OnnxFile) -> dict[str, Stored]:
    by_use: dict[str, Stored] = {}
    by_name: dict[str, Stored] = {}
    for node in file.nodes():
        if node.op in INTEGER_OPS:
            raise BadCheckpoint(
                f"{file.path} is quantised ({node.op})",
                recovery="Import the float32 or float16 export; `--precision` makes it small again.",
            )
        for name, weight in _weights_of(file, node):
            by_use.setdefault(name, weight)
        for place, tensor in node.constants.items():
            for label in (MERGED.sub("", tensor.name), MERGED.sub("", node.inputs[place])):
                if PARAMETER.search(label) and label not in by_name:
                    by_name[label] = file.store(tensor)
    return by_name | by_use


def _weights_of(file: OnnxFile, node: Node) -> Iterator[tuple[str, Stored]]:
    """What the node's place among the modules says about its constants."""
    steps = node.path.strip("/").split("/")
    module = ".".join(steps[:-1])
    if not module:
        return
    constants = node.constants
    if node.op in ("MatMul", "Gemm") and 1 in constants and len(constants[1].dims) == 2:
        matrix = file.store(constants[1])
        yield f"{module}.weight", matrix if node.transposes_second else _transposed(matrix)
    elif node.op in ("Conv", "ConvTranspose", "LayerNormalization") and 1 in constants:
        yield f"{module}.weight", file.store(constants[1])
    elif node.op == "Gather" and 0 in constants and len(constants[0].dims) == 2:
        yield f"{module}.weight", file.store(constants[0])
    elif node.op == "LSTM":
        yield from _lstm(file, module, steps[-1], constants)
    elif node.op in ("Mul", "Add") and module.endswith(("norm", "proj")):
        for tensor in constants.values():
            if len(tensor.dims) == 1:
                yield f"{module}.{'weight' if node.op == 'Mul' else 'bias'}", file.store(tensor)
    if node.op in ("Gemm", "Conv", "ConvTranspose", "LayerNormalization") and 2 in constants:
        yield f"{module}.bias", file.store(constants[2])


def _transposed(matrix: Stored) -> Stored:
    rows, columns = matrix.shape
    return Stored((columns, rows), lambda: matrix.read().T)


def _lstm(
    file: OnnxFile, module: str, step: str, constants: Mapping[int, Tensor]
) -> Iterator[tuple[str, Stored]]:
    """One layer of an LSTM; the nodes of its layers are called LSTM, LSTM_1, LSTM_2 ..."""
    number = LSTM_STEP.fullmatch(step)
    if number is None:
        return
    layer = int(number[1] or 0)
    sizes = {1: 3, 2: 3, 3: 2}
    if any(place not in constants or len(constants[place].dims) != n for place, n in sizes.items()):
        return
    for place, side in ((1, "ih"), (2, "hh")):
        matrix = file.store(constants[place])
        directions, rows, columns = matrix.shape
        if directions == 1 and rows % 4 == 0:
            yield f"{module}.weight_{side}_l{layer}", _gates_of(matrix, 0, rows, (rows, columns))
    biases = file.store(constants[3])
    half = biases.shape[1] // 2
    if biases.shape[0] == 1 and half % 4 == 0:
        for side, begin in (("ih", 0), ("hh", half)):
            yield f"{module}.bias_{side}_l{layer}", _gates_of(biases, begin, begin + half, (half,))


def _gates_of(stored: Stored, begin: int, end: int, shape: tuple[int, ...]) -> Stored:
    """Some rows of an LSTM's only direction, their gates in torch's order."""
    return Stored(shape, lambda: _torch_gates(stored.read()[0, begin:end]))


def _torch_gates(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorders ONNX's gates (input, output, forget, cell) to those of torch (input, forget, cell, output)."""
    i, o, f, c = np.split(array, 4)
    return np.concatenate([i, f, c, o])
