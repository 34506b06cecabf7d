"""A folder with a checkpoint, whichever way it was published, opened and checked."""

from dataclasses import dataclass
from pathlib import Path

from lofi_worker.importer.sources.config import ModelConfig, read_config
from lofi_worker.importer.sources.expected import require_weights
from lofi_worker.importer.sources.files import PICKLE_SUFFIXES
from lofi_worker.importer.sources.optimum import optimum_files, read_optimum
from lofi_worker.importer.sources.refused import BadCheckpoint, IncompleteCheckpoint
from lofi_worker.importer.sources.safetensors_files import read_safetensors, safetensors_files
from lofi_worker.importer.sources.tokenizer import read_tokenizer
from lofi_worker.importer.sources.weights import StoredWeights

MAX_SUBFOLDERS = 64


@dataclass(frozen=True)
class Source:
    """A checkpoint: sizes that fit together, a tokenizer (the file's content) for the vocabulary, and the
    weights that generation needs, all there and each in its shape.
    """

    config: ModelConfig
    weights: StoredWeights
    tokenizer: bytes


def open_source(folder: Path) -> Source:
    """Reads everything but the weights themselves, which are only measured.

    The folder holds config.json, tokenizer.json and either safetensors or an ONNX export by Optimum; the
    export may lie in a folder of its own ("onnx"), and the folder "small_fp32" of a repository has
    its config.json and tokenizer.json in "small". Raises IncompleteCheckpoint when a file is missing,
    BadCheckpoint when a file is damaged or is no MusicGen checkpoint.
    """
    if not folder.is_dir():
        raise IncompleteCheckpoint(f"{folder} is not a folder")
    config, tokenizer = _read_beside(folder)
    files = safetensors_files(folder)
    if files:
        stored = read_safetensors(files)
    else:
        export = next((found for each in _subfolders(folder) if (found := optimum_files(each))), None)
        if export is None:
            raise _without_weights(folder)
        stored = read_optimum(export)
    weights = StoredWeights(folder, stored)
    return Source(config, weights.only(require_weights(weights, config, folder)), tokenizer)


def check_beside(folder: Path) -> ModelConfig:
    """Raises what `open_source` raises for the folder's config.json and tokenizer.json; reads no weights."""
    return _read_beside(folder)[0]


def _read_beside(folder: Path) -> tuple[ModelConfig, bytes]:
    config = read_config(_find(folder, "config.json"))
    return config, read_tokenizer(_find(folder, "tokenizer.json"), config.text_encoder.vocab_size)


def _find(folder: Path, name: str) -> Path:
    """The file in the folder, or in the one that the variant's name begins with."""
    base, underscore, _ = folder.name.rpartition("_")
    if underscore and base and not (folder / name).exists() and (folder.parent / base / name).exists():
        return folder.parent / base / name
    if not (folder / name).exists() and _pickles(folder):
        raise _without_weights(folder)
    return folder / name


def _subfolders(folder: Path) -> list[Path]:
    inner = sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    return [folder, *inner[:MAX_SUBFOLDERS]]


def _pickles(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.suffix in PICKLE_SUFFIXES)


def _without_weights(folder: Path) -> BadCheckpoint | IncompleteCheckpoint:
    pickles = _pickles(folder)
    if pickles:
        return BadCheckpoint(
            f"{folder} holds weights only as pickles ({', '.join(pickles[:3])}), and pickles can run any"
            " program: they are never opened",
            recovery="Take a checkpoint in safetensors, as facebook/musicgen-small has it.",
        )
    return IncompleteCheckpoint(f"{folder} holds neither safetensors nor an ONNX export by Optimum")
