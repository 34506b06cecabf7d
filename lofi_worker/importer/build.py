"""Writes a model's three graphs, each with its weights beside it, in one precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from lofi_common.manifest import data_name
from lofi_worker.importer.data_file import DataFile
from lofi_worker.importer.decoder_graph import (
    CacheScales,
    DecoderShape,
    build_decoder,
    sinusoidal_positions,
)
from lofi_worker.importer.encodec_graph import EncodecShape, build_encodec
from lofi_worker.importer.graph import Storage, Weights
from lofi_worker.importer.precision import Formats
from lofi_worker.importer.text_graph import TextShape, build_text_encoder

Stage = Callable[[str], None]
"""Called with the name of what begins."""


@dataclass(frozen=True)
class Shapes:
    """The sizes of a model's parts; `max_steps` is the longest sequence of decoder steps."""

    text: TextShape
    decoder: DecoderShape
    codec: EncodecShape
    max_steps: int


def write_language_model(
    folder: Path,
    weights: Weights,
    shapes: Shapes,
    formats: Formats,
    cache_scales: Sequence[CacheScales] | None,
    stage: Stage,
) -> None:
    """Writes text_encoder.onnx and decoder.onnx. `cache_scales` is needed for a cache of codes."""
    stage("text_encoder")
    _write(
        folder / "text_encoder.onnx",
        formats,
        lambda storage: build_text_encoder(weights, shapes.text, shapes.decoder, storage),
    )
    stage("decoder")
    positions = sinusoidal_positions(shapes.max_steps, shapes.decoder.hidden)
    _write(
        folder / "decoder.onnx",
        formats,
        lambda storage: build_decoder(
            weights, shapes.decoder, positions, storage=storage, cache_scales=cache_scales
        ),
    )


def write_codec(folder: Path, weights: Weights, shapes: Shapes, formats: Formats, stage: Stage) -> None:
    """Writes codec.onnx; its small table of codes is heard, and stays in float16 at least."""
    stage("codec")
    formats = replace(formats, table=max(16, formats.table))
    _write(folder / "codec.onnx", formats, lambda storage: build_encodec(weights, shapes.codec, storage))


def _write(path: Path, formats: Formats, build: Callable[[Storage], onnx.ModelProto]) -> None:
    with DataFile(path.with_name(data_name(path.name))) as data:
        graph = build(Storage(formats.matrix, formats.table, data))
    onnx.save(graph, path)
