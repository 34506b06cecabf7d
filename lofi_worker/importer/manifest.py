"""Writes model.toml, the last file of a model folder: it names the content of all the others."""

import hashlib
import json
from pathlib import Path

import msgspec

from lofi_common.manifest import (
    LAYOUT,
    MANIFEST_NAME,
    PROMPTS_NAME,
    CodecSpec,
    DecoderSpec,
    SamplingSpec,
    TextSpec,
    read_model,
)

FILES = ("tokenizer.json", "text_encoder.onnx", "decoder.onnx", "codec.onnx")
OPTIONAL_FILES = (PROMPTS_NAME,)


def write_manifest(
    folder: Path,
    *,
    name: str,
    license: str,
    description: str,
    text: TextSpec,
    decoder: DecoderSpec,
    codec: CodecSpec,
    sampling: SamplingSpec,
) -> str:
    """Hashes the folder's files, writes its model.toml and returns the model version that it makes.

    Raises FileNotFoundError when a file of the layout is not there yet.
    """
    lines = [f"layout = {LAYOUT}"]
    texts = {"name": name, "license": license, "description": description}
    lines += [f"{key} = {_toml(value)}" for key, value in texts.items()]
    sections = {"text": text, "decoder": decoder, "codec": codec, "sampling": sampling}
    for title, section in sections.items():
        values = {k: v for k, v in msgspec.to_builtins(section).items() if v is not None}
        lines += ["", f"[{title}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    lines += ["", "[files]"]
    for file in (*FILES, *(name for name in OPTIONAL_FILES if (folder / name).exists())):
        data = (folder / file).read_bytes()
        lines.append(f'"{file}" = {{ bytes = {len(data)}, sha256 = "{hashlib.sha256(data).hexdigest()}" }}')
    (folder / MANIFEST_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_model(folder).version


def _toml(value: str | int | float | list[int]) -> str:
    """A TOML value: JSON writes strings, numbers and lists of integers as TOML does."""
    return json.dumps(value, ensure_ascii=False)
