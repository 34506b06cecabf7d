"""Tracks longer than a window, continuations and segments: transformers' tokens, whatever runs beside."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import MANIFEST_NAME
from lofi_worker.engine import Engine, Interrupted, Past, StepResult
from lofi_worker.musicgen import generate, sampling
from lofi_worker.musicgen.decoder import Decoder
from tests.parity import engine_runs
from tests.parity.checkpoints import MONO
from tests.parity.engine_runs import audio_of, load, side_by_side, spec
from tests.parity.test_interrupts import disturbed

PROMPTS = ["a slow lofi beat with soft piano", "rain guitar piano with lofi ,"]  # make_windows.PROMPTS
WINDOW, STRIDE, CUT, SECONDS = 60, 36, 50, 4


@pytest.fixture(scope="module")
def golden() -> Mapping[str, NDArray[Any]]:
    with np.load(MONO / "windows.npz") as file:
        return dict(file)


def with_small_windows(folder: Path, into: Path) -> Path:
    shutil.copytree(folder, into)
    manifest = into / MANIFEST_NAME
    manifest.write_text(manifest.read_text() + f"\n[window]\nframes = {WINDOW}\nstride = {STRIDE}\n")
    return into


@pytest.fixture(scope="module")
def small(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint in float32 with windows of 60 frames."""
    return with_small_windows(tiny, tmp_path_factory.mktemp("small") / "model")


@pytest.fixture(params=[3, 24, 128])
def prefill(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many columns of a prompt are taken at a time makes no difference."""
    monkeypatch.setattr(generate, "PREFILL_COLUMNS", request.param)


def run(engine: Engine, job: JobSpec, past: Past | None = None) -> list[StepResult]:
    """Every result of the job, from start to finish."""
    results = engine_runs.run(engine, job, past=past)
    assert results[-1].error is None
    return results


def codes_of(results: list[StepResult]) -> NDArray[np.int64]:
    return np.concatenate([result.codes for result in results if result.codes is not None])


def past_of(results: list[StepResult], prompt: str) -> Past:
    return Past(codes_of(results), prompt, results[-1].state)


@pytest.mark.usefixtures("prefill")
@pytest.mark.parametrize("i", [0, 1])
def test_long_tracks_have_the_tokens_of_transformers(
    small: Path, golden: Mapping[str, NDArray[Any]], i: int
) -> None:
    results = run(load(small), spec(PROMPTS[i], SECONDS, temperature=0.0))
    assert np.array_equal(codes_of(results), golden[f"long.{i}"].T)
    assert audio_of(results).shape == (1, SECONDS * 32_000)
    assert len({result.frames for result in results}) == 50 * SECONDS + 1


@pytest.mark.usefixtures("prefill")
@pytest.mark.parametrize("i", [0, 1])
def test_continuations_have_the_tokens_of_transformers(
    small: Path, golden: Mapping[str, NDArray[Any]], i: int
) -> None:
    past = Past(golden[f"long.{i}"][:, :CUT].T, PROMPTS[i])
    job = spec(PROMPTS[1 - i], SECONDS, temperature=0.0, continue_from="a")
    assert np.array_equal(codes_of(run(load(small), job, past)), golden[f"continued.{i}"].T)


def test_draws_and_what_is_left_are_counted_over_the_whole_track(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No draw comes again with the next window; the columns of a prompt are as far from the end as before."""
    steps: list[int] = []
    ends: list[int] = []
    draws, prefill = sampling.draws, Decoder.prefill

    def spy_draws(seed: int, step: int, codebooks: int) -> NDArray[np.float64]:
        steps.append(step)
        return draws(seed, step, codebooks)

    def spy_prefill(
        self: Decoder, slot: int, start: int, columns: NDArray[np.int64], frames_left: int, guided: bool
    ) -> None:
        ends.append(start + len(columns) - 1 + frames_left)
        prefill(self, slot, start, columns, frames_left, guided)

    monkeypatch.setattr(sampling, "draws", spy_draws)
    monkeypatch.setattr(Decoder, "prefill", spy_prefill)
    run(load(small), spec(PROMPTS[0], SECONDS))
    assert set(steps) == set(range(50 * SECONDS + 3))
    assert ends == [50 * SECONDS - 1 - skipped for skipped in range(STRIDE, 4 * STRIDE + 1, STRIDE)]


def test_a_continuation_gives_the_audio_of_its_past_again(small: Path) -> None:
    engine = load(small)
    base = run(engine, spec(PROMPTS[0], 2))
    longer = run(engine, spec(PROMPTS[0], 5, continue_from="a"), past_of(base, PROMPTS[0]))
    audio, before = audio_of(longer), audio_of(base)
    assert audio.shape == (1, 5 * 32_000)
    kept = 2 * 32_000 - 20 * 640  # but for the fade, and what the codec still had to see
    assert np.array_equal(audio[:, : 60 * 640 - 12 * 640], before[:, : 60 * 640 - 12 * 640])
    assert np.abs(audio[:, :kept] - before[:, :kept]).max() < 1e-4
    assert np.array_equal(codes_of(longer)[:100], codes_of(base))


@pytest.fixture(scope="module")
def even(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of two seconds that lie one second apart, so that segments can end with them."""
    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("even") / "model")
    manifest = folder / MANIFEST_NAME
    manifest.write_text(manifest.read_text() + "\n[window]\nframes = 100\nstride = 50\n")
    return folder


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_chain_of_segments_that_end_with_windows_is_one_long_track(even: Path, temperature: float) -> None:
    engine = load(even)
    whole = run(engine, spec(PROMPTS[0], 5, temperature=temperature))
    pieces, past = [], None
    for seconds in (2, 1, 1, 1):
        made = run(engine, spec(PROMPTS[0], seconds, temperature=temperature, segment=True), past)
        pieces.append(made)
        past = past_of(made, PROMPTS[0])
    assert np.array_equal(np.concatenate([codes_of(each) for each in pieces]), codes_of(whole))
    audio = np.concatenate([audio_of(each) for each in pieces], axis=1)
    assert 0 < 5 * 32_000 - audio.shape[1] <= 12 * 640  # what the codec has still to see the frames after
    heard = audio[:, : -round(0.05 * 32_000)]
    assert np.abs(heard - audio_of(whole)[:, : heard.shape[1]]).max() < 1e-4


@pytest.mark.parametrize("pace", [(50, 64_000), (100, 64_001), (100, 0), (-100, -64_000)])
def test_a_segment_whose_pace_is_not_the_codecs_is_told(even: Path, pace: tuple[int, int]) -> None:
    engine = load(even)
    past = past_of(run(engine, spec(PROMPTS[0], 2, segment=True)), PROMPTS[0])
    assert past.state is not None
    damaged = Past(past.codes, past.prompt, {**past.state, "pace": np.array(pace)})
    with pytest.raises(ModelInferenceFailed, match="can't be continued"):
        engine.start(0, spec(PROMPTS[0], 1, segment=True, continue_from="a"), damaged)
    engine.start(0, spec(PROMPTS[0], 1, segment=True, continue_from="a"), past)


def test_neighbours_at_other_windows_change_no_bit(small: Path) -> None:
    jobs = [
        spec(PROMPTS[0], 4, seed=7),
        spec(PROMPTS[1], 3, seed=8, guidance_scale=1.0),
        spec("rain", 5, seed=9, temperature=0.5),
    ]
    alone = [audio_of(run(load(small), job)).tobytes() for job in jobs]
    for threads, apart in ((1, 13), (2, 40)):
        engine = load(small, slots=3, threads=threads)
        assert side_by_side(engine, jobs, [apart, 2 * apart, 0]) == alone


def test_an_interrupted_prefill_is_taken_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = spec(PROMPTS[0], 4, seed=4)
    undisturbed = audio_of(run(load(small), job))
    monkeypatch.setattr(generate, "PREFILL_COLUMNS", 5)
    prefill, cut = Decoder.prefill, 0

    def spy(self: Decoder, *arguments: Any, **rest: Any) -> None:
        nonlocal cut
        cut += 1
        if cut % 2:
            self.interrupt()
        prefill(self, *arguments, **rest)

    monkeypatch.setattr(Decoder, "prefill", spy)
    engine = load(small)
    engine.start(0, job)
    results: list[StepResult] = []
    interrupted = 0
    while not results or not results[-1].finished:
        try:
            results += engine.step()
        except Interrupted:
            interrupted += 1
    assert interrupted >= 4 * 5  # four windows with a prompt of 24 columns, five at a time
    assert np.abs(audio_of(results) - undisturbed).max() < 1e-4


def test_interrupts_at_any_time_change_no_sample_of_a_long_track(small: Path) -> None:
    job = spec(PROMPTS[0], 4, seed=4)
    undisturbed = audio_of(run(load(small), job))
    engine = load(small)
    engine.start(0, job)
    results: list[StepResult] = []
    with disturbed(engine):
        while not results or not results[-1].finished:
            try:
                results += engine.step()
            except Interrupted:
                continue
    assert np.array_equal(audio_of(results), undisturbed)


@pytest.mark.parametrize(
    "past",
    [
        Past(np.zeros((50, 3), np.int64), ""),
        Past(np.full((50, 4), 64), ""),
        Past(np.zeros((200, 4), np.int64), ""),
    ],
    ids=["codebooks", "codes", "length"],
)
def test_a_past_that_does_not_fit_is_told(small: Path, past: Past) -> None:
    engine = load(small)
    with pytest.raises(ModelInferenceFailed, match="can't be continued"):
        engine.start(0, spec(PROMPTS[0], SECONDS, continue_from="00ff"), past)
    with pytest.raises(ModelInferenceFailed, match="can't be continued"):
        engine.start(0, spec(PROMPTS[0], SECONDS, continue_from="00ff", segment=True), past)
    run(engine, spec(PROMPTS[0], 1))  # the slot is free
