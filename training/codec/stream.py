"""Runs the codec graph on its own, chunk by chunk, as the engine does. Needs numpy and onnxruntime only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

DTYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32, "tensor(bool)": np.bool_}


def open_codec(model: Path | bytes, threads: int = 1) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def decode(
    session: ort.InferenceSession, codes: NDArray[np.int64], chunks: Sequence[int] | None = None
) -> list[NDArray[np.float32]]:
    """Audio [samples] of each chunk; codes int64 [4, frames], `chunks` sums to frames (default: one)."""
    state: dict[str, NDArray[Any]] = {
        i.name: np.zeros([d if isinstance(d, int) else 0 for d in i.shape], DTYPES[i.type])
        for i in session.get_inputs()
        if i.name.startswith("state.")
    }
    names = [o.name for o in session.get_outputs()]
    audio, at = [], 0
    for size in chunks or [codes.shape[1]]:
        feeds = {
            "codes": codes[None, :, at : at + size],
            "last": np.array(at + size == codes.shape[1]),
            **state,
        }
        results = dict(zip(names, session.run(None, feeds), strict=True))
        state = {
            name.removeprefix("next_"): value for name, value in results.items() if name.startswith("next_")
        }
        audio.append(results["audio"][0, 0])
        at += size
    return audio
