"""`python -m training.export`: a checkpoint becomes a model folder in the run-time layout.

int8 products in the decoder and the text encoder (blocks of 32); embedding tables as float16 behind a Cast.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lofi_common.manifest import PROMPTS_NAME, CodecSpec, DecoderSpec, SamplingSpec, TextSpec, WindowSpec
from lofi_worker.importer.decoder_graph import build_decoder
from lofi_worker.importer.graph import IN_FULL, MatrixFormat, Storage
from lofi_worker.importer.manifest import write_manifest
from lofi_worker.importer.text_graph import build_text_encoder
from training.codec.graph import build_codec, synthesise
from training.codec.level import calibrate
from training.model import CYCLE, Starter
from training.shape import DECODER, MAX_STEPS, MAX_TEXT_TOKENS, TEXT
from training.tokens import BLOCK_STEPS, CODEBOOK_SIZE, CODEBOOKS, DELAYS, HEADER_FRAMES, legal_codes
from training.train import read_checkpoint
from training.words_file import write_words

NAME = "lofi-tiny"
DESCRIPTION = (
    "A neural composer that plays a synthesiser graph: lo-fi in one style, 60 to 95 bpm, trained by this "
    "project on music of its own making."
)
FORBIDDEN = -1e4
TEMPERATURE, HEADER_TEMPERATURE = 0.8, 0.75
# Rain, café and night share a code: cooled, what is rare among their eight mixtures comes hardly ever.
AIR_TEMPERATURE, AIR_FRAME = 0.9, 2
# Of drums, bass, chords and lead. Cool chords keep their loop (at 0.8 a fifth of it is lost every four bars);
# a lead begins anywhere in its bar: cooled, each step's chance shrinks, and in many tracks it never begins.
NOTE_TEMPERATURES = (0.6, 0.55, 0.6, 1.05)
TOP_K = 30
BITS, BLOCK = 8, 32
CHUNK_FRAMES = 16
MAX_FRAMES_PER_SECOND = 6.5  # 95 bpm has 6.33 steps a second
WINDOW_BLOCKS, STRIDE_BLOCKS = 15, CYCLE  # so that a block keeps the row that it would have had
BAR_FRAMES = BLOCK_STEPS // 4
SMALL = 4_096  # elements; smaller tables stay float32


def logit_tables() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Bias [P, codebooks, codebook_size], scale [P, codebooks]: what is legal, and the temperatures."""
    positions = HEADER_FRAMES + max(DELAYS) + 1
    legal = np.stack([legal_codes(position) for position in range(positions)])
    bias = np.where(legal, 0, FORBIDDEN).astype(np.float32)
    scale = np.empty((positions, CODEBOOKS), np.float32)
    for position in range(positions):
        for q, shift in enumerate(DELAYS):
            saying = position - shift < HEADER_FRAMES
            scale[position, q] = TEMPERATURE / (HEADER_TEMPERATURE if saying else NOTE_TEMPERATURES[q])
    scale[AIR_FRAME + DELAYS[0], 0] = TEMPERATURE / AIR_TEMPERATURE
    return bias, scale


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large float32 constants are stored as float16 behind a Cast; they compute as float32."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    casts = []
    for tensor in list(copy.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
            continue
        half = numpy_helper.from_array(
            numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.half"
        )
        copy.graph.initializer.remove(tensor)
        copy.graph.initializer.append(half)
        casts.append(
            helper.make_node(
                "Cast", [half.name], [tensor.name], name=f"{tensor.name}.cast", to=TensorProto.FLOAT
            )
        )
    nodes = [*casts, *copy.graph.node]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by their names in transformers; positions [MAX_STEPS, hidden]; endings [FAR + 1, hidden]."""

    weights: dict[str, NDArray[np.float32]]
    positions: NDArray[np.float32]
    endings: NDArray[np.float32]


def read_weights(work: Path, name: str) -> Weights:
    """What `training.train` saved, as the graphs need it. Raises what `read_checkpoint` raises."""
    saved = read_checkpoint(work, name)["model"]
    vocabulary = saved["text_encoder.shared.weight"].shape[0]
    model = Starter(TEXT, DECODER, vocabulary, MAX_TEXT_TOKENS, MAX_STEPS)
    model.load_state_dict(saved)
    positions = model.at_places(torch.arange(MAX_STEPS)).detach().numpy()
    folded = ("phase.", "block.", "ending.", "probe.")
    weights = {name: value.float().numpy() for name, value in saved.items() if not name.startswith(folded)}
    return Weights(weights, positions.astype(np.float32), model.ending.weight.detach().numpy())


def export(work: Path, name: str, folder: Path, coded: bool = True, codec: bool = True) -> None:
    """Write the model folder; coded False keeps float32, codec False keeps the codec.onnx that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = read_weights(work, name)
    storage = Storage(lambda name, weight: MatrixFormat(BITS, BLOCK)) if coded else IN_FULL
    tables = logit_tables()
    decoder = build_decoder(saved.weights, DECODER, saved.positions, *tables, saved.endings, storage)
    text = build_text_encoder(saved.weights, TEXT, DECODER, storage)
    if coded:
        decoder, text = store_half(decoder), store_half(text)
    onnx.save(decoder, folder / "decoder.onnx")
    onnx.save(text, folder / "text_encoder.onnx")
    if codec:
        sounds = synthesise()
        onnx.save(build_codec(sounds, calibrate(sounds)), folder / "codec.onnx")
    shutil.copyfile(work / "tokenizer.json", folder / "tokenizer.json")
    write_words(folder / PROMPTS_NAME)
    version = write_manifest(
        folder,
        name=NAME,
        license="MIT",
        description=DESCRIPTION,
        text=TextSpec(max_tokens=MAX_TEXT_TOKENS),
        decoder=DecoderSpec(
            layers=DECODER.layers,
            heads=DECODER.heads,
            head_dim=DECODER.head_dim,
            codebooks=CODEBOOKS,
            codebook_size=CODEBOOK_SIZE,
            delays=list(DELAYS),
            max_steps=MAX_STEPS,
        ),
        codec=CodecSpec(
            sample_rate=32_000,
            channels=1,
            chunk_frames=CHUNK_FRAMES,
            header_frames=HEADER_FRAMES,
            max_frames_per_second=MAX_FRAMES_PER_SECOND,
        ),
        window=WindowSpec(
            frames=HEADER_FRAMES + WINDOW_BLOCKS * BLOCK_STEPS,
            stride=STRIDE_BLOCKS * BLOCK_STEPS,
            bar_frames=BAR_FRAMES,
            rest=[0] * CODEBOOKS,
        ),
        sampling=SamplingSpec(temperature=TEMPERATURE, top_k=TOP_K, top_p=0.0, guidance_scale=1.0),
    )
    sizes = " ".join(f"{path.name}={path.stat().st_size}" for path in sorted(folder.iterdir()))
    print(f"model={version} {sizes}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--name", default="starter")
    parser.add_argument("--out", type=Path, default=Path("lofi_worker/models/lofi-tiny"))
    parser.add_argument("--float32", action="store_true", help="no quantisation, for comparison")
    parser.add_argument("--keep-codec", action="store_true", help="leave codec.onnx as it is")
    options = parser.parse_args()
    started = time.monotonic()
    export(options.work, options.name, options.out, not options.float32, not options.keep_codec)
    print(f"seconds={time.monotonic() - started:.0f}", flush=True)


if __name__ == "__main__":
    main()
