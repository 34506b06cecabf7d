"""The EnCodec graph: audio streamed in any chunks is the one-shot audio, and that is transformers'."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.manifest import read_model
from lofi_worker.importer.encodec_graph import EncodecShape, context_frames
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.checkpoints import STEREO
from tests.parity.engine_runs import golden


def codec_of(folder: Path) -> Session:
    return Session(read_model(folder), "codec.onnx", RunSettings(threads=1))


def decode(session: Session, codes: NDArray[np.int64], chunks: list[int]) -> NDArray[np.float32]:
    """Audio [channels, samples] of codes [frames, codebooks], handed over in chunks of these sizes."""
    stream = CodecStream(session)
    ends = np.cumsum(chunks)
    assert ends[-1] == len(codes)
    parts = [
        stream.push(codes[end - n : end], end == len(codes)) for n, end in zip(chunks, ends, strict=True)
    ]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("i", [0, 1])
def test_one_shot_audio_is_that_of_transformers(tiny: Path, i: int) -> None:
    codes = golden()[f"tokens.{i}"].T
    audio = decode(codec_of(tiny), codes, [len(codes)])
    assert audio.shape == (1, len(codes) * 640)
    assert np.abs(audio[0] - golden()[f"audio.{i}"]).max() < 1e-5


@pytest.mark.parametrize("largest", [1, 2, 5, 12, 40])
@pytest.mark.parametrize(("form", "codebooks"), [("mono", 4), ("stereo", 8)])
def test_streamed_audio_is_the_one_shot_audio(
    models: dict[str, Path], form: str, codebooks: int, largest: int
) -> None:
    session = codec_of(models[form])
    random = np.random.default_rng(largest)
    for _ in range(12):
        codes = random.integers(0, 64, (int(random.integers(4, 90)), codebooks))
        chunks: list[int] = []
        while sum(chunks) < len(codes):
            chunks.append(min(int(random.integers(1, largest + 1)), len(codes) - sum(chunks)))
        whole = decode(session, codes, [len(codes)])
        streamed = decode(session, codes, chunks)
        assert streamed.shape == whole.shape == (codebooks // 4, len(codes) * 640)
        assert np.abs(streamed - whole).max() < 1e-5, chunks


def test_the_end_may_be_told_after_the_last_frame(tiny: Path) -> None:
    session = codec_of(tiny)
    codes = np.random.default_rng(0).integers(0, 64, (20, 4))
    stream = CodecStream(session)
    parts = [stream.push(codes[:15], False), stream.push(codes[15:], False), stream.push(codes[:0], True)]
    assert parts[2].shape[1] > 0
    assert np.abs(np.concatenate(parts, axis=1) - decode(session, codes, [20])).max() < 1e-5


@pytest.mark.parametrize(
    ("ratios", "last_kernel", "context"),
    [
        ((8, 5, 4, 4), 7, (1, 1)),  # MusicGen's
        ((2,), 1, (1, 1)),  # the transposed convolution alone, and its block's kernel of 3
        ((2,), 31, (9, 9)),  # 15 and 1 samples of the last kernels are 8 frames, which see one more
    ],
)
def test_context_of_the_upsampling_stack(
    ratios: tuple[int, ...], last_kernel: int, context: tuple[int, int]
) -> None:
    shape = EncodecShape(
        codebooks=4,
        codebook_size=64,
        channels=1,
        filters=4,
        ratios=ratios,
        kernel=7,
        last_kernel=last_kernel,
        residual_kernel=3,
        residual_layers=1,
        dilation_growth=2,
        lstm_layers=2,
    )
    assert context_frames(shape) == context


@pytest.mark.parametrize("i", [0, 1])
def test_both_channels_are_those_of_transformers(models: dict[str, Path], i: int) -> None:
    codes = golden(STEREO)[f"tokens.{i}"].T
    audio = decode(codec_of(models["stereo"]), codes, [len(codes)])
    expected = golden(STEREO)[f"audio.{i}"]
    assert audio.shape == expected.shape == (2, len(codes) * 640)
    assert np.abs(audio - expected).max() < 1e-5
    assert np.abs(expected[0] - expected[1]).max() > 0.1


def test_stereo_models_are_delayed_by_channel(models: dict[str, Path]) -> None:
    manifest = read_model(models["stereo"]).manifest
    assert manifest.decoder.delays == [0, 0, 1, 1, 2, 2, 3, 3]
    assert manifest.codec.channels == 2
