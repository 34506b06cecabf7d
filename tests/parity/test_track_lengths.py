"""Tracks are as long as asked, to the sample, with codecs of a fixed rate and with graphs that decide."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from lofi_common.errors import ModelInferenceFailed
from lofi_common.manifest import CodecSpec, SamplingSpec, TextSpec, read_model
from lofi_worker.importer.graph import BOOL, FLOAT, INT64, GraphBuilder
from lofi_worker.importer.manifest import write_manifest
from tests.parity.engine_runs import audio_of, load, run, spec

HEADER_FRAMES = 5
SAMPLES_PER_FRAME = 5_333  # about 6 frames a second


@pytest.mark.parametrize("seconds", [1, 2, 3, 5, 30, 40])
def test_fixed_rate_tracks_have_the_exact_length(tiny: Path, seconds: int) -> None:
    results = run(load(tiny), spec(duration_sec=seconds))
    audio = audio_of(results)
    assert audio.shape == (1, seconds * 32_000)
    assert audio.dtype == np.float32
    prompts = 8 if seconds > 30 else 0  # five parts of 600 columns, and three steps of the delays once more
    assert len(results) == seconds * 50 + 3 + prompts
    frames = [result.frames for result in results]
    assert frames[:1503] == [max(0, i - 2) for i in range(len(frames))][:1503]
    assert frames[1502:] == sorted(frames[1502:]) and frames[-1] == seconds * 50
    assert {result.frames_expected for result in results} == {seconds * 50}
    assert [result.finished for result in results] == [False] * (len(results) - 1) + [True]


def test_audio_comes_while_the_track_is_made(tiny: Path) -> None:
    results = run(load(tiny), spec(duration_sec=5))
    places = [i for i, result in enumerate(results) if result.audio is not None]
    # A chunk of 50 frames, the first one of 60, the delays' 3 steps after its first.
    assert places == [62, 112, 162, 212, 252]


def self_paced_codec() -> onnx.ModelProto:
    """The first frames make no sound, each other one makes SAMPLES_PER_FRAME samples, all 0.5."""
    graph = GraphBuilder("codec")
    codes = graph.input("codes", INT64, [1, 4, "frames"])
    graph.input("last", BOOL, [])
    before = graph.input("state.frames", INT64, [1])
    after = graph.node(
        "Add", [before, graph.node("Shape", [codes], start=2, end=3)], output="next_state.frames"
    )
    graph.output(after, INT64, [1])

    def sounding(frames: str) -> str:
        past_header = graph.node("Sub", [frames, graph.constant([HEADER_FRAMES])])
        return graph.node("Max", [past_header, graph.constant([0])])

    new = graph.node("Sub", [sounding(after), sounding(before)])
    samples = graph.node("Mul", [new, graph.constant([SAMPLES_PER_FRAME])])
    dims = graph.node("Concat", [graph.constant([1, 1]), samples], axis=0)
    value = graph.weight("value", np.full(1, 0.5, np.float32))
    graph.node("Expand", [value, dims], output="audio")
    graph.output("audio", FLOAT, [1, 1, "samples"])
    return graph.model()


@pytest.fixture
def self_paced(tiny: Path, tmp_path: Path) -> Path:
    """A model whose codec graph decides how long a frame is; 64 steps, that is about 9 s."""
    folder = shutil.copytree(tiny, tmp_path / "model")
    onnx.save(self_paced_codec(), folder / "codec.onnx")
    decoder = read_model(tiny).manifest.decoder
    write_manifest(
        folder,
        name="self-paced",
        license="MIT",
        description="",
        text=TextSpec(max_tokens=64),
        decoder=msgspec.structs.replace(decoder, max_steps=64),
        codec=CodecSpec(
            sample_rate=32_000,
            channels=1,
            chunk_frames=8,
            header_frames=HEADER_FRAMES,
            max_frames_per_second=6.5,
        ),
        sampling=SamplingSpec(temperature=1.0, top_k=30, top_p=0.0, guidance_scale=1.0),
    )
    return folder


@pytest.mark.parametrize("seconds", [1, 2, 5, 9])
def test_self_paced_tracks_have_the_exact_length(self_paced: Path, seconds: int) -> None:
    results = run(load(self_paced), spec(duration_sec=seconds))
    audio = audio_of(results)
    assert audio.shape == (1, seconds * 32_000)
    assert audio[0, 0] == 0.5 and audio[0, -1] == pytest.approx(0, abs=1e-3)

    expected = [result.frames_expected for result in results]
    assert expected[0] == HEADER_FRAMES + int(np.ceil(seconds * 6.5))
    needed = HEADER_FRAMES + int(np.ceil(seconds * 32_000 / SAMPLES_PER_FRAME))
    assert expected[0] >= needed
    if seconds > 1:  # the first chunk has told the rate
        assert needed in expected
    frames = np.array([result.frames for result in results])
    assert np.all(np.diff(frames) >= 0) and np.all(frames <= expected)
    assert needed <= frames[-1] == expected[-1] <= needed + 1  # no whole chunk for the last few frames


def test_a_track_that_the_steps_do_not_cover_says_so(self_paced: Path) -> None:
    results = run(load(self_paced), spec(duration_sec=10))
    assert len(results) == 64
    assert isinstance(results[-1].error, ModelInferenceFailed)
    assert "gave only 9.3 s" in str(results[-1].error)
