"""The constants of an ONNX file and the nodes that use them. Nothing of the file is run."""

import os
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lofi_worker.importer.sources.files import map_file
from lofi_worker.importer.sources.protobuf import fields, message, text, varints
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.weights import Stored, from_bytes

# musicgen-small's merged decoder has 6,899 nodes in 3 graphs, musicgen-large's about twice as many.
MAX_FIELDS = 2_000_000
MAX_NODES = 100_000
MAX_TENSORS = 100_000
MAX_DEPTH = 4
MAX_DIMS = 8
MAX_ENTRIES = 8  # that say where a constant lies
MAX_PLACES = 10_000  # inputs and outputs of one node
MAX_NAME_BYTES = 4096
MAX_SMALL_BYTES = 2**16  # strings and lists of dimensions

TYPES = {1: "F32", 10: "F16", 16: "BF16"}  # TensorProto.DataType
EXTERNAL = 1  # TensorProto.DataLocation


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant: its dimensions, its type (TensorProto.DataType), and where its bytes lie."""

    name: str
    dims: tuple[int, ...]
    dtype: int
    raw: memoryview | None
    external: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Node:
    """A node, its inputs by name, and those of them that are constants, by place."""

    op: str
    path: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    transposes_second: bool
    constants: Mapping[int, Tensor] = field(default_factory=dict)


class OnnxFile:
    """An ONNX file, mapped. `nodes` gives the nodes of all its graphs, `store` the bytes of a constant."""

    def __init__(self, path: Path) -> None:
        """Raises IncompleteCheckpoint when it can't be read, BadCheckpoint when it is no ONNX file."""
        self.path = path
        self._nodes_seen = self._tensors_seen = self._fields_seen = 0
        self._external: dict[Path, memoryview] = {}
        graphs = [message(value) for number, value in self._fields(map_file(path)) if number == 7]
        if len(graphs) != 1:
            raise BadCheckpoint(f"{path} holds {len(graphs)} graphs: it is not an ONNX file")
        self._graph = graphs[0]

    def nodes(self) -> Iterator[Node]:
        """Every node, those of branches too. Raises BadCheckpoint where the file is damaged."""
        self._nodes_seen = self._tensors_seen = self._fields_seen = 0
        yield from self._walk(self._graph, ChainMap(), 1)

    def store(self, tensor: Tensor) -> Stored:
        """The constant as a weight.

        Raises BadCheckpoint when it has another type than float, or its bytes are missing or elsewhere.
        """
        where = f"{self.path}: {tensor.name}"
        data = tensor.raw
        if tensor.external is not None:
            data = self._external_bytes(tensor.external, where)
        if data is None:
            raise BadCheckpoint(f"{where} holds no raw data")
        kind = TYPES.get(tensor.dtype, f"TensorProto {tensor.dtype}")
        return from_bytes(data, kind, tensor.dims, where)

    def _fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        each = fields(data)
        while True:
            try:
                field = next(each, None)
            except BadCheckpoint as error:
                raise BadCheckpoint(f"{self.path} is not an ONNX file, or damaged: {error}") from error
            if field is None:
                return
            self._fields_seen += 1
            if self._fields_seen > MAX_FIELDS:
                raise BadCheckpoint(f"{self.path} has more than {MAX_FIELDS} fields")
            yield field

    def _walk(self, graph: memoryview, outer: ChainMap[str, Tensor], depth: int) -> Iterator[Node]:
        if depth > MAX_DEPTH:
            raise BadCheckpoint(f"{self.path} has branches in branches, more than {MAX_DEPTH} deep")
        raw_nodes: list[memoryview] = []
        scope = outer.new_child()
        for number, value in self._fields(graph):
            if number == 1:
                raw_nodes.append(message(value))
                self._nodes_seen += 1
                if self._nodes_seen > MAX_NODES:
                    raise BadCheckpoint(f"{self.path} has more than {MAX_NODES} nodes")
            elif number == 5:
                tensor = self._tensor(message(value))
                scope[tensor.name] = tensor
            elif number == 15:
                raise BadCheckpoint(f"{self.path} has sparse weights, which can't be imported")
        for raw in raw_nodes:
            node, value_of, branches = self._node(raw)
            if value_of is not None and node.outputs:
                scope[node.outputs[0]] = value_of
            elif node.op in ("Identity", "Cast") and node.inputs and node.inputs[0] in scope:
                scope[node.outputs[0]] = scope[node.inputs[0]]  # equal weights are stored once
            constants = {place: scope[name] for place, name in enumerate(node.inputs) if name in scope}
            yield Node(node.op, node.path, node.inputs, node.outputs, node.transposes_second, constants)
            for branch in branches:
                yield from self._walk(branch, scope, depth + 1)

    def _node(self, raw: memoryview) -> tuple[Node, Tensor | None, list[memoryview]]:
        """NodeProto: the node, the tensor that it is if it is a constant, and its branches."""
        inputs: list[str] = []
        outputs: list[str] = []
        path = op = ""
        constant: Tensor | None = None
        branches: list[memoryview] = []
        transposes = False
        for number, value in self._fields(raw):
            if number == 1:
                inputs.append(self._name(value))
            elif number == 2:
                outputs.append(self._name(value))
            elif number == 3:
                path = self._name(value)
            elif number == 4:
                op = self._name(value)
            elif number == 5:
                attribute = {key: each for key, each in self._fields(message(value)) if key in (1, 3, 5, 6)}
                label = self._name(attribute.get(1, memoryview(b"")))
                if 6 in attribute:
                    branches.append(message(attribute[6]))
                elif 5 in attribute and label == "value":
                    constant = self._tensor(message(attribute[5]))
                elif label == "transB":
                    transposes = attribute.get(3) == 1
            if len(inputs) + len(outputs) + len(branches) > MAX_PLACES:
                raise BadCheckpoint(f"{self.path}: the node {path!r} has more than {MAX_PLACES} places")
        if op and not outputs:
            raise BadCheckpoint(f"{self.path}: the node {path!r} has no output")
        return (
            Node(op, path, tuple(inputs), tuple(outputs), transposes),
            constant if op == "Constant" else None,
            branches,
        )

    def _tensor(self, raw: memoryview) -> Tensor:
        """TensorProto, its bytes left where they are."""
        self._tensors_seen += 1
        if self._tensors_seen > MAX_TENSORS:
            raise BadCheckpoint(f"{self.path} has more than {MAX_TENSORS} constants")
        dims: list[int] = []
        dtype = location = 0
        name = ""
        data: memoryview | None = None
        external: dict[str, str] = {}
        for number, value in self._fields(raw):
            if number == 1:
                dims += self._varints(value)
                if len(dims) > MAX_DIMS:
                    raise BadCheckpoint(f"{self.path} has a constant of more than {MAX_DIMS} dimensions")
            elif number == 2 and isinstance(value, int):
                dtype = value
            elif number == 4 or number == 9:  # float_data, packed, has the bytes of raw_data
                data = message(value)
            elif number == 8:
                name = self._name(value)
            elif number == 13:
                entry = dict(self._fields(message(value)))
                if 1 in entry and 2 in entry and len(external) < MAX_ENTRIES:
                    external[self._name(entry[1])] = self._name(entry[2])
            elif number == 14 and isinstance(value, int):
                location = value
        if any(dim >= 2**32 for dim in dims):
            raise BadCheckpoint(f"{self.path}: {name} has the dimensions {dims}")
        return Tensor(name, tuple(dims), dtype, data, external if location == EXTERNAL else None)

    def _name(self, value: int | memoryview) -> str:
        return text(self._short(value, MAX_NAME_BYTES))

    def _varints(self, value: int | memoryview) -> list[int]:
        return varints(value if isinstance(value, int) else self._short(value, MAX_SMALL_BYTES))

    def _short(self, value: int | memoryview, most: int) -> memoryview:
        data = message(value)
        if len(data) > most:
            raise BadCheckpoint(f"{self.path} has a name of {len(data)} bytes: it is damaged")
        return data

    def _external_bytes(self, external: Mapping[str, str], where: str) -> memoryview:
        """The bytes of a constant that lies in a file beside this one, and nowhere else."""
        location = external.get("location", "")
        path = self.path.parent / location
        if location in ("", ".", "..") or "/" in location or "\0" in location:
            raise BadCheckpoint(f"{where} names data outside the model's folder: {location!r}")
        if path not in self._external:
            if os.path.islink(path):
                raise BadCheckpoint(
                    f"{where} names data behind a symbolic link: {location!r}",
                    recovery="Import a copy of the folder without links, as `cp -rL` makes it.",
                )
            self._external[path] = map_file(path)
        data = self._external[path]
        try:
            begin = int(external.get("offset", "0"))
            length = int(external.get("length", str(len(data) - begin)))
        except ValueError as error:
            raise BadCheckpoint(f"{where} names its data by no numbers: {dict(external)}") from error
        if begin < 0 or length < 0 or begin + length > len(data):
            raise BadCheckpoint(f"{where} names bytes beyond the end of {location!r}")
        return data[begin : begin + length]
