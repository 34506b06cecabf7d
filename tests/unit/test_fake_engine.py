"""The scripted engine keeps to the seam: pieces, codes, continuations, segments, loops."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import Manifest, Model
from lofi_worker.engine import Past, StepResult
from lofi_worker.fake import FakeEngine
from tests.support.home import MODEL_TOML
from tests.unit.test_agent import SPEC

RATE = 32_000
SEGMENT = msgspec.structs.replace(SPEC, segment=True)


def made(spec: JobSpec, past: Past | None = None) -> list[StepResult]:
    """Every result of the job, from start to finish."""
    manifest = msgspec.toml.decode(MODEL_TOML, type=Manifest)
    engine = FakeEngine(Model(version="fake-1", folder=Path(), manifest=manifest), 1)
    engine.start(0, spec, past)
    results = engine.step()
    while not results[-1].finished:
        results += engine.step()
    return results


def audio_of(results: list[StepResult]) -> NDArray[np.float32]:
    whole: NDArray[np.float32] = np.concatenate([x.audio for x in results if x.audio is not None], axis=1)
    return whole.reshape(-1)


def past_of(results: list[StepResult], prompt: str = "tone") -> Past:
    codes = np.concatenate([each.codes for each in results if each.codes is not None])
    return Past(codes, prompt, results[-1].state)


def test_audio_comes_in_pieces_with_its_codes() -> None:
    results = made(SPEC)
    pieces = [each.audio.shape[1] for each in results if each.audio is not None]
    assert pieces == [5 * RATE // 20] * 20
    assert len(past_of(results).codes) == 100
    assert [each.frames for each in results] == list(range(1, 101))


def test_a_continuation_gives_the_track_again_and_then_another_tone() -> None:
    base = made(SPEC)
    results = made(msgspec.structs.replace(SPEC, duration_sec=12, continue_from="a"), past_of(base))
    audio = audio_of(results)
    assert len(audio) == 12 * RATE and np.array_equal(audio[: 5 * RATE], audio_of(base))
    assert abs(audio[5 * RATE] - audio[5 * RATE - 1]) < 0.02
    again = past_of(results)
    assert len(again.codes) == 200 and np.array_equal(again.codes[:100], past_of(base).codes)
    assert (results[0].frames, results[-1].frames, results[0].frames_expected) == (101, 200, 200)
    third = made(msgspec.structs.replace(SPEC, duration_sec=17, continue_from="b"), again)
    assert np.array_equal(audio_of(third)[: 12 * RATE], audio) and len(audio_of(third)) == 17 * RATE


def test_segments_are_one_unbroken_tone() -> None:
    first = made(SEGMENT)
    second = made(msgspec.structs.replace(SEGMENT, duration_sec=7, continue_from="a"), past_of(first))
    third = made(msgspec.structs.replace(SEGMENT, continue_from="b", prompt="other"), past_of(second))
    assert [len(audio_of(each)) for each in (first, second, third)] == [6 * RATE, 8 * RATE, 6 * RATE]
    assert len(past_of(second).codes) == 100
    long = made(msgspec.structs.replace(SEGMENT, duration_sec=14))
    together = np.concatenate([audio_of(first), audio_of(second)])
    assert np.array_equal(audio_of(long), together)
    whole = np.concatenate([together, audio_of(third)])
    assert np.abs(np.diff(whole)).max() < 0.1 * 2 * np.pi * 600 / RATE
    assert not np.array_equal(audio_of(third), audio_of(first))


def test_a_segment_does_not_continue_what_is_none() -> None:
    with pytest.raises(ModelInferenceFailed):
        made(msgspec.structs.replace(SEGMENT, continue_from="a"), past_of(made(SPEC)))


@pytest.mark.parametrize(("seconds", "given"), [(5, 6), (6, 6), (9, 10)])
def test_loops_have_whole_bars_and_whole_periods(seconds: int, given: int) -> None:
    results = made(msgspec.structs.replace(SPEC, duration_sec=seconds, loop=True))
    audio = audio_of(results)
    assert len(audio) == given * RATE
    assert abs(audio[0] - audio[-1]) == pytest.approx(abs(audio[1] - audio[0]), abs=1e-4)
    bar = results[-1].bar
    assert bar is not None and given % bar.seconds == 0
