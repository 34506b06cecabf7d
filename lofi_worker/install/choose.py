"""Which files of a repository make a model. No network in here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal

from lofi_common.errors import ModelLoadFailed

Format = Literal["safetensors", "optimum"]

BESIDE = ("config.json", "tokenizer.json")
WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
_PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt|th|pkl|pickle)")
_SUFFIXES = ("", "_fp16")
_DECODERS = ("decoder_model_merged", "decoder_model")
_DATA = ("_data", ".data")
_OTHER_RECOVERY = "Choose a repository that holds MusicGen as safetensors or as Optimum's ONNX export."


def choose_files(paths: Sequence[str], subfolder: str, form: Format | None) -> list[str]:
    """The paths, out of all in a repository, that the importer needs; all with different base names.

    subfolder: where the weights lie. form: None takes what is there, safetensors first. An ONNX export may
    keep its configuration in a folder above, or in the sibling without the precision (`small` beside
    `small_fp32`). Raises ModelLoadFailed when the repository has no such model, or only pickles.
    """
    there = set(paths)
    inside = sorted(_name(path) for path in there if _folder(path) == subfolder)
    weights = _safetensors(inside) if form != "optimum" else []
    if weights:
        missing = [name for name in BESIDE if name not in inside]
        chosen = [_join(subfolder, name) for name in [*BESIDE, *weights]]
    else:
        folder, weights = ("", []) if form == "safetensors" else _optimum(there, subfolder)
        if not weights:
            raise _no_model(there, subfolder, form)
        found = {name: _beside(there, folder, name) for name in BESIDE}
        missing = [name for name, path in found.items() if path is None]
        chosen = [path for path in found.values() if path is not None]
        chosen += [_join(folder, name) for name in weights]
    if missing:
        raise ModelLoadFailed(
            f"the repository has no {' and no '.join(missing)} for its weights", recovery=_OTHER_RECOVERY
        )
    return chosen


def check_names(paths: Iterable[str]) -> None:
    """Raises ModelLoadFailed when a path can't lie in one folder with the others under its base name."""
    seen: dict[str, str] = {}
    for path in paths:
        name = _name(path)
        bad = path.startswith("/") or ".." in path.split("/") or not path.isprintable() or "\\" in name
        if bad or name.startswith("."):
            raise ModelLoadFailed(
                f"the repository has a file with an impossible name: {path!r}", recovery=_OTHER_RECOVERY
            )
        if name in seen:
            raise ModelLoadFailed(
                f"two files of the model have one name: {seen[name]} and {path}", recovery=_OTHER_RECOVERY
            )
        seen[name] = path


def _safetensors(names: Sequence[str]) -> list[str]:
    """The weights among a folder's files: one file, or an index with all of its shards."""
    if WHOLE in names:
        return [WHOLE]
    if INDEX not in names:
        return []
    shards = [match for name in names if (match := _SHARD.fullmatch(name))]
    totals = {int(match[2]) for match in shards}
    if len(totals) != 1 or sorted(int(match[1]) for match in shards) != list(range(1, totals.pop() + 1)):
        raise ModelLoadFailed(
            "the repository has an index of safetensors shards, but not all of the shards",
            details=", ".join(match[0] for match in shards),
            recovery=_OTHER_RECOVERY,
        )
    return [INDEX, *(match[0] for match in shards)]


def _optimum(there: set[str], subfolder: str) -> tuple[str, list[str]]:
    """The folder and the names of an ONNX export, with external data; no names when there is none.

    The merged decoder and the first-step decoder hold every weight each; the one with a past does not.
    """
    for folder in (subfolder, _join(subfolder, "onnx")):
        inside = sorted(_name(path) for path in there if _folder(path) == folder)
        for suffix, decoder in itertools.product(_SUFFIXES, _DECODERS):
            graphs = [f"{stem}{suffix}.onnx" for stem in ("text_encoder", decoder, "encodec_decode")]
            if all(graph in inside for graph in graphs):
                data = [
                    n for n in inside if n.startswith(tuple(f"{g}{mark}" for g in graphs for mark in _DATA))
                ]
                return folder, [*graphs, *data]
    return subfolder, []


def _beside(there: set[str], folder: str, name: str) -> str | None:
    """The path of `name` that belongs to the weights in `folder`."""
    places = [folder, *(("" if str(p) == "." else str(p)) for p in PurePosixPath(folder).parents)]
    if "_" in _name(folder):
        places.insert(1, folder.rpartition("_")[0])
    return next((path for place in places if (path := _join(place, name)) in there), None)


def _no_model(there: set[str], subfolder: str, form: Format | None) -> ModelLoadFailed:
    where = f"the repository's folder {subfolder}" if subfolder else "the repository's root folder"
    kind = {None: "weights as safetensors or ONNX", "safetensors": "safetensors", "optimum": "ONNX export"}
    words = f"{where} holds no MusicGen {kind[form]}"
    pickles = sorted(path for path in there if _PICKLE.fullmatch(path))
    if pickles and not any(path.endswith((".safetensors", ".onnx")) for path in there):
        return ModelLoadFailed(
            "the repository holds its weights only as pickles, which can run any code when they are opened",
            details=", ".join(pickles[:5]),
            recovery=_OTHER_RECOVERY,
        )
    folders = sorted(
        {_folder(path) for path in there if path.endswith((".safetensors", ".onnx"))} - {subfolder}
    )
    details = f"weights lie in: {', '.join(folder or '(root)' for folder in folders[:20])}" if folders else ""
    recovery = "Name the folder as owner/name:folder." if folders else _OTHER_RECOVERY
    return ModelLoadFailed(words, details=details, recovery=recovery)


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
