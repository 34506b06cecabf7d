"""Loops from prompt to audio: whole bars that lead into themselves as the music leads from bar to bar."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_common.paths import starter_folder
from lofi_worker.engine import Engine, Past, StepResult
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.engine_runs import audio_of, load, run, spec
from tests.support.seams import judge

HEADER, BAR = 7, 16
"""Frames of the starter."""
RATE = 32_000


def loop_of(job: JobSpec, **changes: object) -> JobSpec:
    return msgspec.structs.replace(job, loop=True, **changes)


@pytest.fixture(scope="module")
def starter() -> Engine:
    return load_engine(read_model(starter_folder()), 2, RunSettings(threads=1))


def starter_loop(prompt: str, duration_sec: int, seed: int) -> JobSpec:
    return loop_of(read_model(starter_folder()).job(prompt, duration_sec, seed))


PROMPTS = [
    ("rainy night, soft piano, 72 bpm", 12, 1),
    ("boom bap with vinyl and flute, 84 bpm", 20, 2),
    ("dreamy pad without drums on tape, 90 bpm", 12, 3),
]


@pytest.mark.parametrize(("prompt", "duration_sec", "seed"), PROMPTS)
def test_the_starters_loops_have_no_seam(starter: Engine, prompt: str, duration_sec: int, seed: int) -> None:
    results = run(starter, starter_loop(prompt, duration_sec, seed))
    audio, last = audio_of(results), results[-1]
    assert last.bar is not None and last.codes is not None
    bars = (len(last.codes) - HEADER) / BAR
    assert bars == int(bars) and last.bar.offset_sec == 0
    assert audio.shape == (1, pytest.approx(bars * last.bar.seconds * RATE, abs=1.5))
    assert abs(audio.shape[1] / RATE - duration_sec) <= last.bar.seconds + 1e-3
    lines = [round(n * last.bar.seconds * RATE) for n in range(1, int(bars))]
    judged = judge(audio, RATE, lines)
    assert judged.ok, judged
    assert np.abs(audio).max() <= 1 and 0.02 < np.sqrt(np.square(audio).mean()) < 0.5


def test_a_loop_is_the_same_beside_another_job_and_again(starter: Engine) -> None:
    job = starter_loop("rainy night", 5, 1)
    alone = audio_of(run(starter, job))
    starter.start(0, msgspec.structs.replace(job, loop=False, seed=9))
    starter.start(1, job)
    found: dict[int, list[StepResult]] = {0: [], 1: []}
    while not (found[1] and found[1][-1].finished):
        for result in starter.step():
            found[result.slot].append(result)
    assert np.array_equal(audio_of(found[1]), alone)
    assert audio_of(found[0]).shape[1] == 5 * RATE
    frames = [result.frames for result in found[1]]
    assert frames == sorted(frames)
    assert all(result.frames < result.frames_expected for result in found[1][:-1])


def test_a_loop_is_stopped_while_it_is_made_and_while_it_is_turned(
    starter: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[CodecStream] = []
    create = CodecStream.__init__

    def spy(self: CodecStream, *arguments: object) -> None:
        streams.append(self)
        create(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(CodecStream, "__init__", spy)
    job = starter_loop("rainy night", 5, 1)
    for wanted in (1, 2):  # the engine's own stream is there at once, the loop's when its body is chosen
        streams.clear()
        starter.start(0, job)
        while len(streams) < wanted:
            starter.step()
        starter.step()
        starter.stop(0)
        assert starter.step() == [] and len(streams) == wanted
    assert audio_of(run(starter, job)).shape[1] > 0


def test_a_loop_can_t_continue_a_track(starter: Engine) -> None:
    past = Past(np.zeros((HEADER + BAR, 4), np.int64), "rain")
    with pytest.raises(ModelInferenceFailed, match="a loop can't continue a track"):
        starter.start(0, starter_loop("rain", 5, 1), past)
    assert starter.step() == []


def test_loops_of_musicgen(tiny: Path) -> None:
    """Random weights know no bars: the most similar places within 1.5 s are joined."""
    results = run(load(tiny), loop_of(spec(duration_sec=5)))
    audio, codes = audio_of(results), results[-1].codes
    assert codes is not None and audio.shape == (1, 640 * len(codes))
    assert abs(len(codes) - 250) <= 75
    inside = range(640 * 5, audio.shape[1] - 640 * 5, 640)
    judged = judge(audio, RATE, inside)
    assert judged.ok, judged


def test_stereo_loops(models: dict[str, Path]) -> None:
    results = run(load(models["stereo"]), loop_of(spec(duration_sec=5)))
    audio, codes = audio_of(results), results[-1].codes
    assert codes is not None and codes.shape[1] == 8 and audio.shape == (2, 640 * len(codes))
