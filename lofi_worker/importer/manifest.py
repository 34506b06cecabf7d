"""Writes model.toml, the last file of a model folder: it names the content of all the others."""

import hashlib
import json
from pathlib import Path

import msgspec

from lofi_common.manifest import (
    LAYOUT,
    MANIFEST_NAME,
    PROMPTS_NAME,
    AgreementSpec,
    CodecSpec,
    DecoderSpec,
    SamplingSpec,
    TextSpec,
    WindowSpec,
    data_name,
    read_model,
)

FILES = ("tokenizer.json", "text_encoder.onnx", "decoder.onnx", "codec.onnx")
OPTIONAL_FILES = (PROMPTS_NAME, *(data_name(name) for name in FILES if name.endswith(".onnx")))


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
    window: WindowSpec | None = None,
    precision: str | None = None,
    agreement: AgreementSpec | None = None,
) -> str:
    """Hashes the folder's files, writes its model.toml and returns the model version that it makes.

    Raises FileNotFoundError when a file of the layout is not there yet.
    """
    lines = [f"layout = {LAYOUT}"]
    texts = {"name": name, "license": license, "description": description, "precision": precision}
    lines += [f"{key} = {_toml(value)}" for key, value in texts.items() if value is not None]
    sections = {
        "text": text,
        "decoder": decoder,
        "codec": codec,
        "window": window,
        "sampling": sampling,
        "agreement": agreement,
    }
    for title, section in sections.items():
        if section is None:
            continue
        values = {k: v for k, v in msgspec.to_builtins(section).items() if v is not None}
        lines += ["", f"[{title}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    lines += ["", "[files]"]
    for file in (*FILES, *(name for name in OPTIONAL_FILES if (folder / name).exists())):
        with (folder / file).open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            lines.append(f'"{file}" = {{ bytes = {opened.tell()}, sha256 = "{digest}" }}')
    (folder / MANIFEST_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_model(folder).version


def _toml(value: str | int | float | list[int]) -> str:
    """A TOML value: JSON writes strings, numbers and lists of integers as TOML does."""
    return json.dumps(value, ensure_ascii=False)
