"""A track's codes, kept beside it: what a continuation begins with.

A safetensors file: the tensor `codes`, uint16 [frames, codebooks], the tensors of the engine's state under
their own names, and one entry of metadata, `about`, a JSON object. One, because the library writes several in
any order, and the same track has to give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lofi_common.errors import ModelInferenceFailed
from lofi_worker.engine import Past, State

LAYOUT = 1
CODES, ABOUT = "codes", "about"
MAX_BYTES = 256 * 2**20
"""More than an hour's codes take. Nobody reads a larger file into memory."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Whose codes they are."""

    layout: int = LAYOUT
    track_id: str
    model_version: str
    prompt: str


@dataclass(frozen=True)
class Tokens:
    about: About
    past: Past


def encode(about: About, codes: NDArray[np.int64], state: State | None) -> bytes:
    """The file's bytes, the same for the same arguments. codes: [frames, codebooks], each below 65,536."""
    tensors = {CODES: codes.astype(np.uint16), **(state or {})}
    whole = {name: np.array(tensors[name], order="C") for name in sorted(tensors)}
    return save(whole, {ABOUT: msgspec.json.encode(about).decode()})


def read(path: Path) -> Tokens:
    """Raises ModelInferenceFailed when the file is not there or holds no tokens."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        with safe_open(path, framework="numpy") as file:
            about = msgspec.json.decode((file.metadata() or {}).get(ABOUT, ""), type=About)
            names: list[str] = file.keys()
            try:
                tensors: State = {name: file.get_tensor(name) for name in names}
            except (AttributeError, TypeError) as error:  # types that numpy has not
                raise ValueError(str(error)) from error
        codes = tensors.pop(CODES, None)
        if about.layout != LAYOUT or codes is None or codes.dtype != np.uint16 or codes.ndim != 2:
            raise ValueError("no codes of this version")
    except (OSError, SafetensorError, msgspec.DecodeError, ValueError) as error:
        raise ModelInferenceFailed(
            f"the tokens of the track to continue can't be read: {path}",
            details=str(error),
            recovery="Generate that track again, then continue it.",
        ) from error
    return Tokens(about, Past(codes.astype(np.int64), about.prompt, tensors or None))
