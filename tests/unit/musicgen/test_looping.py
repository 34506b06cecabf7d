"""The engine around the engine: what it asks for, what it keeps back, what it gives in the end."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import CodecSpec, Manifest, WindowSpec
from lofi_worker import bars
from lofi_worker.bars import BarFinder
from lofi_worker.engine import Bar, Past, StepResult
from lofi_worker.musicgen import looping
from lofi_worker.musicgen.looping import PIECE_SEC, SPARE_BARS_SEC, SPARE_SEC, LoopingEngine
from tests.unit.test_bars import band

RATE, FRAME = 32_000, 640
SPEC = JobSpec(
    prompt="x", duration_sec=12, seed=1, model_version="m", temperature=1, top_k=0, top_p=0, guidance_scale=1
)


class Tape:
    """In an engine's and its codec's place: plays a band; a frame's code is its number on the tape."""

    model_version, device, slots, sample_rate, channels, tells_bars = "m", "cpu", 2, RATE, 1, False

    def __init__(self, bpm: float, offset_sec: float, bar: Bar | None = None) -> None:
        self.sound = band(bpm, offset_sec, 45)[:, 0]
        self.jobs: dict[int, JobSpec] = {}
        self.at: dict[int, int] = {}
        self.bar = bar
        self.failing = False

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        self.jobs[slot], self.at[slot] = spec, 0

    def stop(self, slot: int) -> None:
        del self.jobs[slot]

    def interrupt(self) -> None:
        raise AssertionError("nobody interrupts")

    def step(self) -> list[StepResult]:
        return [self._second(slot) for slot in sorted(self.jobs)]

    def _second(self, slot: int) -> StepResult:
        spec, first = self.jobs[slot], self.at[slot]
        codes = np.arange(first, first + 50)[:, np.newaxis]
        self.at[slot] = done = first + 50
        finished = done == 50 * spec.duration_sec
        error = ModelInferenceFailed("broken") if self.failing else None
        if finished or error:
            del self.jobs[slot]
        audio = self.sound[np.newaxis, first * FRAME : done * FRAME]
        bar = self.bar if finished else None
        return StepResult(
            slot, done, 50 * spec.duration_sec, audio, finished, codes=codes, bar=bar, error=error
        )

    def push(self, codes: NDArray[np.int64], last: bool) -> NDArray[np.float32]:
        return np.concatenate([self.sound[n * FRAME : (n + 1) * FRAME] for n in codes[:, 0]])[np.newaxis]


def around(tape: Tape, monkeypatch: pytest.MonkeyPatch, fixed_rate: bool = True) -> LoopingEngine:
    rate = {"frames_per_second": 50.0} if fixed_rate else {"max_frames_per_second": 50.0}
    codec = CodecSpec(sample_rate=RATE, channels=1, chunk_frames=50, header_frames=0, **rate)
    window = WindowSpec(frames=48, stride=32, bar_frames=16) if tape.bar is not None else None
    manifest = cast(Manifest, SimpleNamespace(codec=codec, windows=lambda: window))
    monkeypatch.setattr(looping, "CodecStream", lambda session: session)
    return LoopingEngine(tape, manifest, cast(Any, tape))


def run(engine: LoopingEngine, slot: int = 0, **changes: object) -> list[StepResult]:
    engine.start(slot, msgspec.structs.replace(SPEC, loop=True, **changes))
    results: list[StepResult] = []
    while not (results and (results[-1].finished or results[-1].error)):
        results += engine.step()
    return results


def check(tape: Tape, results: list[StepResult], bar_sec: float, offset_sec: float) -> None:
    """Whole bars of the tape, in pieces at the end, and where their first line is."""
    *before, last = results
    assert all(each.codes is None and not each.finished for each in before)
    pieces = [each.audio for each in results if each.audio is not None]
    assert all(each.audio is not None for each in results[-len(pieces) :])
    assert [each.shape[1] for each in pieces[:-1]] == [PIECE_SEC * RATE] * (len(pieces) - 1)
    assert 0 < pieces[-1].shape[1] <= PIECE_SEC * RATE
    audio = np.concatenate(pieces, axis=1)
    assert last.codes is not None and last.bar is not None
    assert audio.shape == (1, FRAME * len(last.codes))
    bars = len(last.codes) * FRAME / RATE / bar_sec
    assert abs(bars - round(bars)) < 0.02 and abs(bars - 12 / bar_sec) <= 1.02
    assert last.bar.seconds == pytest.approx(bar_sec, rel=5e-3)
    line = (int(last.codes[0, 0]) * FRAME / RATE + last.bar.offset_sec - offset_sec) / bar_sec
    assert abs(line - round(line)) < 0.02
    start = int(last.codes[0, 0]) * FRAME
    kept = audio[0, 2000:-2000]
    assert np.array_equal(kept, tape.sound[start : start + audio.shape[1]][2000:-2000])


def test_bars_are_heard_where_the_model_does_not_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(88, 0.7)
    engine = around(tape, monkeypatch)
    results = run(engine)
    check(tape, results, 240 / 88, 0.7)
    assert results[0].frames_expected == 50 * (12 + SPARE_SEC) + 1


def test_a_model_that_knows_its_bars_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(80, 0.0, Bar(3.0, 0.0))
    engine = around(tape, monkeypatch, fixed_rate=False)
    results = run(engine)
    check(tape, results, 3.0, 0.0)
    assert results[0].frames_expected == 50 * (12 + SPARE_BARS_SEC) + 1


def test_each_run_of_the_codec_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop may be turned for longer than a worker may stand still."""
    results = run(around(Tape(88, 0.7), monkeypatch))
    frames = [result.frames for result in results]
    assert all(after > before for before, after in pairwise(frames))
    assert all(result.frames < result.frames_expected for result in results[:-1])
    assert results[-1].frames == results[-1].frames_expected


def test_a_loop_is_stopped_while_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces: an MP3 file of two minutes in one go would hold neighbours and a cancel up for seconds."""
    tape = Tape(88, 0.7)
    engine = around(tape, monkeypatch)
    engine.start(0, msgspec.structs.replace(SPEC, loop=True))
    while engine.step()[0].audio is None:
        pass
    with pytest.raises(ValueError, match="not a free one"):
        engine.start(0, SPEC)
    engine.stop(0)
    assert engine.step() == []


def test_what_is_asked_of_the_engine_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(80, 0)
    engine = around(tape, monkeypatch)
    engine.start(0, msgspec.structs.replace(SPEC, loop=True))
    engine.start(1, SPEC)
    asked = msgspec.structs.replace(SPEC, segment=True, duration_sec=12 + SPARE_SEC)
    assert tape.jobs == {0: asked, 1: SPEC}
    (loop, plain) = engine.step()
    assert loop.audio is None and plain.audio is not None and plain.codes is not None
    engine.stop(0)
    assert list(tape.jobs) == [1]


def test_an_error_frees_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(80, 0)
    engine = around(tape, monkeypatch)
    tape.failing = True
    (result,) = run(engine)
    assert isinstance(result.error, ModelInferenceFailed) and engine.step() == []
    tape.failing = False
    assert run(engine)[-1].finished


def test_a_model_with_neither_bars_nor_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before anything is made."""
    tape = Tape(80, 0)
    engine = around(tape, monkeypatch, fixed_rate=False)
    with pytest.raises(ModelInferenceFailed, match="does not say where bars begin"):
        engine.start(0, msgspec.structs.replace(SPEC, loop=True))
    assert tape.jobs == {} and engine.step() == []


def test_only_the_end_of_a_long_piece_is_listened_to_for_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for tracks: and while it is made, so that the choice comes quickly."""
    heard: list[float] = []
    listen = BarFinder._hear_chords

    def spy(self: BarFinder, mono: NDArray[np.float32]) -> None:
        heard.append(len(mono) / RATE)
        listen(self, mono)

    monkeypatch.setattr(BarFinder, "_hear_chords", spy)
    monkeypatch.setattr(bars, "REMEMBERED_SEC", 15)
    tape = Tape(88, 0.7)
    check(tape, run(around(tape, monkeypatch)), 240 / 88, 0.7)
    assert sum(heard) == 15 and max(heard) <= 1 and len(heard) > 14


def test_a_model_that_tells_its_bars_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(80, 0.0, Bar(3.0, 0.0))
    monkeypatch.setattr(BarFinder, "add", None)
    assert run(around(tape, monkeypatch, fixed_rate=False))[-1].finished


def test_a_codec_that_gives_no_numbers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(88, 0.7)
    engine = around(tape, monkeypatch)
    monkeypatch.setattr(Tape, "push", lambda self, codes, last: np.full((1, FRAME * len(codes)), np.nan))
    error = run(engine)[-1].error
    assert error is not None and "not finite" in str(error) and engine.step() == []
