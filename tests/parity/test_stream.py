"""The starter, whose frames are musical time: long tracks, continuations and streams keep their bars."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.manifest import MANIFEST_NAME, read_model
from lofi_common.paths import starter_folder
from lofi_worker.engine import Engine, Past
from lofi_worker.musicgen import sampling
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.playing import Playing
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.engine_runs import audio_of, load, spec
from tests.parity.test_windows import codes_of, past_of, run

RATE, HEADER, BAR = 32_000, 7, 16
PROMPT, OTHER = "jazzy upbeat drums, 95 bpm", "slow sad piano, 70 bpm"
LONG_SEC = 180  # at 95 bpm the first window ends after 151.6 s
STEP = RATE * 60 / 95 / 4


def starter_spec(prompt: str, seconds: int, **changes: Any) -> Any:
    return spec(
        prompt, seconds, **{"temperature": 0.8, "top_k": 30, "guidance_scale": 1.0, "seed": 3, **changes}
    )


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load(starter_folder())


@pytest.fixture(scope="module")
def base(engine: Engine) -> tuple[Past, NDArray[np.float32]]:
    results = run(engine, starter_spec(PROMPT, 20))
    return past_of(results, PROMPT), audio_of(results)


@pytest.fixture(scope="module")
def segment(engine: Engine) -> Past:
    return past_of(run(engine, starter_spec(PROMPT, 5, segment=True)), PROMPT)


def flux(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much the spectrum grows from each 16th note to the next."""
    steps = len(audio) // int(STEP)
    rows = [audio[round(i * STEP) : round(i * STEP) + 2048] * np.hanning(2048) for i in range(steps)]
    spectra = np.log1p(np.abs(np.fft.rfft(np.stack([row for row in rows if len(row) == 2048]))))
    grown: NDArray[np.float64] = np.maximum(0, np.diff(spectra, axis=0)).sum(axis=1)
    return grown


def test_a_long_track_goes_on_over_its_windows(engine: Engine) -> None:
    results = run(engine, starter_spec(PROMPT, LONG_SEC))
    audio, bar = audio_of(results)[0], results[-1].bar
    assert len(audio) == LONG_SEC * RATE
    assert (
        bar is not None and bar.offset_sec == 0 and bar.seconds == pytest.approx(16 * STEP / RATE, rel=1e-6)
    )
    assert len(codes_of(results)) == HEADER + int(np.ceil(LONG_SEC * RATE / STEP))
    level = np.sqrt((audio[: -RATE // 4].reshape(-1, RATE // 4) ** 2).mean(axis=1))
    assert level.min() > 0.01  # no silence
    seam = 960
    grown = flux(audio)
    bars = grown[BAR - 1 :: BAR]  # from the last 16th of a bar to the first of the next
    assert grown[seam - 1] <= bars.max()
    step = np.abs(np.diff(audio))
    at = round(seam * STEP)
    assert step[at - 64 : at + 64].max() <= step.max()
    # The music after the seam is no stranger to what was before it: most of its chords were heard there.
    chords = codes_of(results)[HEADER:, 2] // 3
    assert len(set(chords[seam:]) - set(chords[:seam])) <= 3


def test_a_continuation_goes_on_from_the_last_whole_bar(
    engine: Engine, base: tuple[Past, NDArray[np.float32]]
) -> None:
    past, before = base
    assert past.state is not None and int(past.state["heard"]) <= len(past.codes)
    results = run(engine, starter_spec(PROMPT, 40, continue_from="a"), past)
    audio, bars = audio_of(results), (int(past.state["heard"]) - HEADER) // BAR
    assert audio.shape == (1, 40 * RATE)
    kept = int(bars * BAR * STEP)
    assert kept > 17 * RATE and np.array_equal(audio[:, :kept], before[:, :kept])
    level = np.sqrt((audio[0, : -RATE // 4].reshape(-1, RATE // 4) ** 2).mean(axis=1))
    assert level.min() > 0.01
    assert np.array_equal(codes_of(results)[: HEADER + bars * BAR], past.codes[: HEADER + bars * BAR])


def test_another_prompt_begins_a_movement_at_the_bar(
    engine: Engine, base: tuple[Past, NDArray[np.float32]]
) -> None:
    past, before = base
    results = run(engine, starter_spec(OTHER, 40, continue_from="a"), past)
    audio, bar = audio_of(results)[0], results[-1].bar
    assert bar is not None and past.state is not None
    at = round(bar.offset_sec * RATE)
    assert 16 * RATE < at <= 20 * RATE and at / STEP / BAR == pytest.approx(round(at / STEP / BAR), abs=1e-4)
    assert np.array_equal(audio[: at - 1], before[0, : at - 1])
    alone = audio_of(run(engine, starter_spec(OTHER, 40)))[0]
    codes = codes_of(results)
    start = int((results[-1].state or {})["movements"][1])
    assert start == HEADER + round(at / STEP) and not np.array_equal(codes[start : start + 4], codes[:4])
    assert bar.seconds != pytest.approx(16 * STEP / RATE, rel=0.01)
    assert len(alone) == len(audio)
    third = run(engine, starter_spec(OTHER, 60, continue_from="b"), past_of(results, OTHER))
    assert np.array_equal(audio_of(third)[0, : 35 * RATE], audio[: 35 * RATE])
    assert (third[-1].state or {})["movements"].tolist() == [0, start]


@pytest.mark.parametrize(
    "state",
    [
        {"movements": np.array([np.inf]), "heard": np.array(20)},
        {"movements": np.array([], int), "heard": np.array(20)},
        {"movements": np.array([0, 60, 20]), "heard": np.array(20)},
        {"movements": np.array([0]), "heard": np.array(np.inf)},
    ],
    ids=["infinite", "no movement", "backwards", "heard for ever"],
)
def test_a_damaged_state_is_told(
    engine: Engine, base: tuple[Past, NDArray[np.float32]], state: dict[str, NDArray[Any]]
) -> None:
    with pytest.raises(ModelInferenceFailed, match="the tokens of a can't be continued"):
        engine.start(0, starter_spec(PROMPT, 40, continue_from="a"), Past(base[0].codes, PROMPT, state))
    assert engine.step() == []


def test_a_damaged_state_of_the_codec_is_told(engine: Engine) -> None:
    past = past_of(run(engine, starter_spec(PROMPT, 5, segment=True)), PROMPT)
    assert past.state is not None
    for name, wrong in (("state.steps", np.zeros(3)), ("state.frames", np.zeros(1, np.int64))):
        damaged = Past(past.codes, PROMPT, {**past.state, name: wrong})
        with pytest.raises(ModelInferenceFailed, match="can't be continued"):
            engine.start(0, starter_spec(PROMPT, 5, segment=True, continue_from="a"), damaged)
    assert engine.step() == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("place", lambda place: place * np.array([-1, 1])),
        ("place", lambda place: place + np.array([2**50, 0])),
        ("place", lambda place: place + np.array([0, -16])),
        ("place", lambda place: place + np.array([0, 2**40])),
        ("place", lambda place: place.astype(float)),
        ("place", lambda place: place[:1]),
        ("pace", lambda pace: pace + np.array([16, 0])),
        ("pace", lambda pace: pace * np.array([1, -1])),
        ("pace", lambda pace: pace * np.array([1, 1000])),
        ("pace", lambda pace: pace * np.array([1, 0])),
        ("pace", lambda pace: pace[None]),
        ("window", lambda window: window[:-16]),
        ("window", lambda window: window[:0]),
        ("window", lambda window: np.tile(window, (100, 1))),
    ],
)
@pytest.mark.parametrize("prompt", [PROMPT, OTHER])
def test_a_state_of_a_segment_without_sense_is_told(
    engine: Engine, segment: Past, name: str, change: Any, prompt: str
) -> None:
    """A draw that is keyed by a wrong place, or a bar of an hour, would be heard, or never end."""
    assert segment.state is not None
    state = {**segment.state, "place": segment.state["place"] + np.array([5, 0])}
    job = starter_spec(prompt, 5, segment=True, continue_from="a")
    engine.start(0, job, Past(segment.codes, PROMPT, state))
    engine.stop(0)
    state[name] = change(state[name])
    with pytest.raises(ModelInferenceFailed, match="can't be continued"):
        engine.start(0, job, Past(segment.codes, PROMPT, state))
    assert engine.step() == []


def test_a_movement_rings_out_over_the_next(
    engine: Engine, base: tuple[Past, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = starter_spec(OTHER, 30, continue_from="a")
    results = run(engine, job, base[0])
    monkeypatch.setattr(Playing, "_ring_out", lambda self, stream: None)
    tail = (audio_of(results) - audio_of(run(engine, job, base[0])))[0]
    bar = results[-1].bar
    assert bar is not None
    at, end = round(bar.offset_sec * RATE), round(bar.offset_sec * RATE + 16 * STEP)
    assert not tail[: at - 1].any() and not tail[end + 1 :].any()
    assert np.abs(tail[at : at + RATE // 4]).max() > 1e-3 and np.abs(tail[end - 20 :]).max() < 1e-4


def test_a_stream_draws_anew_after_it_moved_over(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    draws = sampling.draws
    monkeypatch.setattr(sampling, "draws", lambda *key: (steps.append(key[1]), draws(*key))[1])
    past = past_of(run(engine, starter_spec(PROMPT, 5, segment=True)), PROMPT)
    before = max(steps)
    steps.clear()
    run(engine, starter_spec(OTHER, 5, segment=True), past)
    assert min(steps) > before - 4  # the last columns of a header's delays are not drawn


def test_segments_are_one_stream_through_the_codec(tmp_path: Path) -> None:
    """Through the end of a window: the second segment lies over it, and the third over another."""
    folder = shutil.copytree(starter_folder(), tmp_path / "model")
    manifest = folder / MANIFEST_NAME
    words = manifest.read_text()
    manifest.write_text(
        re.sub(r"frames = \d+\nstride = \d+", f"frames = {HEADER + 3 * BAR}\nstride = {BAR}", words)
    )
    assert manifest.read_text() != words
    engine, pieces, past = load(folder), [], None
    for _ in range(3):
        made = run(engine, starter_spec(PROMPT, 5, segment=True), past)
        past, bar = past_of(made, PROMPT), made[-1].bar
        audio = audio_of(made)
        assert bar is not None and 5 * RATE <= audio.shape[1] < (5 + bar.seconds) * RATE
        assert audio.shape[1] / RATE / bar.seconds == pytest.approx(2, abs=1e-3)
        pieces.append((audio, past.codes))
    audio = np.concatenate([each for each, _ in pieces], axis=1)
    codes = np.concatenate([each for _, each in pieces])
    codec = Session(read_model(starter_folder()), "codec.onnx", RunSettings(threads=1))
    stream = CodecStream(codec)
    whole = np.concatenate([stream.push(part, False) for part in np.array_split(codes, 4)], axis=1)
    assert whole.shape == audio.shape and np.abs(whole - audio).max() < 1e-5
    assert past is not None and past.state is not None and past.state["place"].tolist() == [0, 3 * BAR]


def test_a_stream_moves_over_to_another_prompt(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(engine, starter_spec(PROMPT, 10, segment=True))
    past = past_of(first, PROMPT)
    second = run(engine, starter_spec(OTHER, 10, segment=True), past)
    monkeypatch.setattr(Playing, "follow", lambda self, before: None)
    without = audio_of(run(engine, starter_spec(OTHER, 10, segment=True), past))
    tail = audio_of(second) - without
    bar = round(16 * STEP)
    assert np.abs(tail[:, : bar // 4]).max() > 1e-3 and not tail[:, bar + 1 :].any()
    assert np.abs(tail[:, bar - 20 : bar]).max() < 1e-4
    # Nothing is cut: from the last sample of the first to the first of the second is a step like any other.
    whole = np.concatenate([audio_of(first), audio_of(second)], axis=1)[0]
    at = audio_of(first).shape[1]
    assert abs(whole[at] - whole[at - 1]) <= np.abs(np.diff(whole)).max() / 2
    assert second[-1].frames == len(codes_of(second))
    assert len(codes_of(second)) % BAR == HEADER
