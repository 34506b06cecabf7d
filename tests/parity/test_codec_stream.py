"""The EnCodec graph: audio streamed in any chunks is the one-shot audio; stereo is mono twice."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from lofi_common.manifest import read_model
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.encodec_graph import EncodecShape, context_frames
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.session import Session
from tests.parity.engine_runs import CHECKPOINT, audio_of, golden, load, record_codes, run, spec


def codec_of(folder: Path) -> Session:
    return Session(read_model(folder), "codec.onnx", 1)


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
def test_streamed_audio_is_the_one_shot_audio(tiny: Path, largest: int) -> None:
    session = codec_of(tiny)
    random = np.random.default_rng(largest)
    for _ in range(12):
        codes = random.integers(0, 64, (int(random.integers(4, 90)), 4))
        chunks: list[int] = []
        while sum(chunks) < len(codes):
            chunks.append(min(int(random.integers(1, largest + 1)), len(codes) - sum(chunks)))
        whole = decode(session, codes, [len(codes)])
        streamed = decode(session, codes, chunks)
        assert streamed.shape == whole.shape == (1, len(codes) * 640)
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


def stereo_checkpoint(folder: Path) -> Path:
    """The tiny checkpoint with its four codebooks twice: left and right, interleaved as MusicGen's are."""
    shutil.copytree(CHECKPOINT, folder)
    weights = load_file(folder / "model.safetensors")
    for name in ("decoder.model.decoder.embed_tokens.{}.weight", "decoder.lm_heads.{}.weight"):
        mono = [weights[name.format(q)] for q in range(4)]
        for q in range(8):  # the right channel's codes are numbered backwards: its music differs
            weights[name.format(q)] = mono[q // 2] if q % 2 == 0 else np.ascontiguousarray(mono[q // 2][::-1])
    save_file(weights, folder / "model.safetensors")
    config = (folder / "config.json").read_text().replace('"num_codebooks": 4', '"num_codebooks": 8')
    before, decoder = config.split('"decoder": {')
    decoder = decoder.replace('"audio_channels": 1', '"audio_channels": 2')
    (folder / "config.json").write_text(before + '"decoder": {' + decoder)
    return folder


def test_stereo_models_give_two_channels(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stereo_checkpoint(tmp_path / "checkpoint")
    folder = tmp_path / "model"
    convert_checkpoint(source, folder, "tiny-stereo", license="MIT", description="random weights")
    manifest = read_model(folder).manifest
    assert manifest.decoder.delays == [0, 0, 1, 1, 2, 2, 3, 3]
    chunks = record_codes(monkeypatch)
    audio = audio_of(run(load(folder), spec(duration_sec=2)))
    assert audio.shape == (2, 64_000)
    codes = np.concatenate(chunks)
    assert codes.shape == (100, 8)
    assert not np.array_equal(codes[:, ::2], codes[:, 1::2])
    mono = codec_of(tiny)
    for channel in (0, 1):
        alone = decode(mono, codes[:, channel::2], [100])
        assert np.abs(audio[channel, :-1600] - alone[0, :-1600]).max() < 1e-5
