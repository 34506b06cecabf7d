"""Weights of a safetensors checkpoint, whole or in shards, with transformers' names.

The library checks a file's header (its types, that the tensors lie one after the other and fill the file);
the bytes are mapped, because its numpy side knows no bfloat16 and copies.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open

from lofi_worker.importer.sources.files import map_file, read_small
from lofi_worker.importer.sources.refused import BadCheckpoint
from lofi_worker.importer.sources.weights import Stored, from_bytes

# musicgen-large has about 1,200 tensors of 150 bytes each in its header.
MAX_HEADER_BYTES = 4 * 2**20
MAX_INDEX_BYTES = 4 * 2**20
MAX_SHARDS = 1000
INDEX = "model.safetensors.index.json"


class _Index(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


def safetensors_files(folder: Path) -> list[Path]:
    """The files that hold the checkpoint's weights; empty when there are none.

    Raises BadCheckpoint when an index is none, or names a file outside its folder.
    """
    index = folder / INDEX
    if not index.exists():
        return sorted(folder.glob("*.safetensors"))
    try:
        shards = set(msgspec.json.decode(read_small(index, MAX_INDEX_BYTES), type=_Index).weight_map.values())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadCheckpoint(f"{index} is not an index of safetensors files: {error}") from error
    for name in shards:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise BadCheckpoint(f"{index} names {name!r}, which is no safetensors file of its folder")
    if not 0 < len(shards) <= MAX_SHARDS:
        raise BadCheckpoint(f"{index} names {len(shards)} files")
    return [folder / name for name in sorted(shards)]


def read_safetensors(files: list[Path]) -> dict[str, Stored]:
    """Every weight of the files. Raises IncompleteCheckpoint and BadCheckpoint naming the file."""
    stored: dict[str, Stored] = {}
    for path in files:
        for name, weight in _read_file(path).items():
            if name in stored:
                raise BadCheckpoint(f"{path} holds {name}, which another file holds too")
            stored[name] = weight
    # The table is stored once, under either of the two names that share it.
    alias = stored.get("text_encoder.encoder.embed_tokens.weight")
    if alias is not None:
        stored.setdefault("text_encoder.shared.weight", alias)
    return stored


def _read_file(path: Path) -> dict[str, Stored]:
    data = map_file(path)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise BadCheckpoint(f"{path} is not a safetensors file: its header would have {length} bytes")
    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} is damaged, or not a safetensors file: {error}") from error
    header: dict[str, Any] = json.loads(bytes(data[8 : 8 + length]))
    header.pop("__metadata__", None)
    body = data[8 + length :]
    stored: dict[str, Stored] = {}
    for name, tensor in header.items():
        if not needed(name):
            continue
        begin, end = tensor["data_offsets"]
        stored[name] = from_bytes(body[begin:end], tensor["dtype"], tuple(tensor["shape"]), f"{path}: {name}")
    return stored


def needed(name: str) -> bool:
    """False for what generation never uses: the encoder half of the codec, its training statistics."""
    statistics = (".codebook.inited", ".codebook.cluster_size", ".codebook.embed_avg")
    return not name.startswith("audio_encoder.encoder.") and not name.endswith(statistics)
