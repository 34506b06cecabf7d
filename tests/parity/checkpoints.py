"""The tiny checkpoints, in every form in which the Hub holds such models."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures"
MONO, STEREO = FIXTURES / "tiny_musicgen", FIXTURES / "tiny_stereo"
SPLIT, MERGED_FP16, MERGED_STEREO = (
    FIXTURES / "tiny_optimum" / name for name in ("split", "merged_fp16", "stereo")
)


def copy_of(checkpoint: Path, folder: Path) -> Path:
    """A copy of a checkpoint in safetensors, to be changed."""
    return shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.py", "*.npz", "__pycache__"))


def export_of(variant: Path, folder: Path) -> Path:
    """A folder as Optimum's exporter leaves it: the graphs, config.json and tokenizer.json."""
    checkpoint = STEREO if variant == MERGED_STEREO else MONO
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(checkpoint / name, folder)
    if variant == MERGED_STEREO:  # its text encoder and codec are those of the mono model
        for name in ("text_encoder.onnx", "encodec_decode.onnx"):
            shutil.copy(SPLIT / name, folder)
    for file in variant.iterdir():
        shutil.copy(file, folder)
    return folder


def write_safetensors(path: Path, header: object, body: bytes = b"") -> None:
    """A safetensors file with a header of one's own, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_safetensors_header(path: Path) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header and body."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]
