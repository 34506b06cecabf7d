"""A track's bytes are its own: they do not depend on slots, neighbours, threads or what ran before."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_common.paths import starter_folder
from lofi_worker.engine import Engine
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.engine_runs import PROMPTS, audio_of, load, record_logits, run, side_by_side, spec

MODELS = ["tiny", "tiny_int8", "tiny_int4", "tiny_mixed"]
LONG_PROMPT = " ".join(PROMPTS * 8)  # more than two buckets of text
NEIGHBOURS = [
    spec(LONG_PROMPT, 2, seed=11),
    spec(PROMPTS[1], 1, seed=12, guidance_scale=1.0),
    spec("rain", 3, seed=13, temperature=0.5, top_p=0.9),
]


def test_the_models_have_the_formats_that_are_held_here(
    tiny: Path, tiny_int8: Path, tiny_int4: Path, tiny_mixed: Path
) -> None:
    bits, caches = [], []
    for folder in (tiny, tiny_int8, tiny_int4, tiny_mixed):
        nodes = onnx.load(folder / "decoder.onnx", load_external_data=False).graph.node
        coded = [node.attribute for node in nodes if node.op_type == "MatMulNBits"]
        bits.append({each.i for attributes in coded for each in attributes if each.name == "bits"})
        model = read_model(folder)
        caches.append(Session(model, "decoder.onnx", RunSettings(threads=1)).dtype("past.0.key"))
    assert bits == [set(), {8}, {4}, {4, 8}]
    assert caches == [np.float32, np.int8, np.int8, np.int8]


def among_others(
    engine: Engine, job: JobSpec, slot: int, others: dict[int, JobSpec], head_start: int
) -> bytes:
    """The job's audio when the others started `head_start` steps before it, and one of them is cancelled."""
    for other, neighbour in others.items():
        engine.start(other, neighbour)
    for _ in range(head_start):
        engine.step()
    engine.start(slot, job)
    pieces: list[NDArray[np.float32]] = []
    for step in range(10_000):
        if step == 20:
            engine.stop(next(iter(others)))
        for result in engine.step():
            assert result.error is None
            if result.slot == slot:
                if result.audio is not None:
                    pieces.append(result.audio)
                if result.finished:
                    return np.concatenate(pieces, axis=1).tobytes()
    raise AssertionError("the track did not end")


@pytest.mark.parametrize("guidance_scale", [3.0, 1.0])
@pytest.mark.parametrize("model", MODELS)
def test_same_bytes_in_every_company(
    model: str, guidance_scale: float, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(model)
    job = spec(seed=7, guidance_scale=guidance_scale)
    alone = audio_of(run(load(folder), job)).tobytes()
    assert alone != audio_of(run(load(folder), spec(seed=8, guidance_scale=guidance_scale))).tobytes()

    for slots, slot, threads in [(1, 0, 2), (2, 0, 1), (2, 1, 1), (4, 3, 2)]:
        assert audio_of(run(load(folder, slots, threads), job, slot)).tobytes() == alone, (
            slots,
            slot,
            threads,
        )

    for slots, slot, head_start, threads in [(2, 1, 17, 1), (2, 0, 60, 2), (4, 2, 5, 1), (4, 0, 0, 2)]:
        free = [other for other in range(slots) if other != slot]
        others = dict(zip(free, NEIGHBOURS, strict=False))
        engine = load(folder, slots, threads)
        assert among_others(engine, job, slot, others, head_start) == alone, (
            slots,
            slot,
            head_start,
            threads,
        )
        assert audio_of(run(engine, job, slot)).tobytes() == alone  # and again, after all of them


def test_same_bytes_where_the_codec_sets_the_pace() -> None:
    """The starter closes by what its codec has given so far, which comes from threads beside the decoder."""
    jobs = [spec(f"rain {slot}", 6 + slot, seed=slot, guidance_scale=1.0) for slot in range(4)]
    alone = [audio_of(run(load(starter_folder()), job)).tobytes() for job in jobs]
    for threads, head_start in [(1, 0), (2, 3), (3, 11)]:
        engine = load(starter_folder(), slots=4, threads=threads)
        assert side_by_side(engine, jobs, [head_start * slot for slot in range(4)]) == alone


def test_the_neighbour_of_a_failing_track_goes_on(tiny: Path) -> None:
    engine = load(tiny, slots=2)
    job = spec(seed=7)
    alone = audio_of(run(load(tiny), job)).tobytes()
    engine.start(0, spec(LONG_PROMPT))
    engine.start(1, job)
    engine.step()
    engine.stop(0)
    engine.start(0, spec(seed=9))
    pieces = [r.audio for _ in range(60) for r in engine.step() if r.slot == 1 and r.audio is not None]
    assert np.concatenate(pieces, axis=1).tobytes() == alone


@pytest.mark.parametrize("model", MODELS)
def test_same_logits_beside_a_longer_text(
    model: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit: a difference this small seldom moves a sample, so that audio alone would hide it."""
    folder: Path = request.getfixturevalue(model)
    seen = record_logits(monkeypatch)
    words = (LONG_PROMPT.split() * 2)[:100]
    for length in (3, 8, 15, 17, 30, 33):
        job = spec(" ".join(words[:length]))
        alone = load(folder)
        alone.start(0, job)
        beside = load(folder, slots=2)
        beside.start(0, job)
        beside.start(1, spec(" ".join(words)))
        for _ in range(5):
            seen.clear()
            alone.step()
            beside.step()
            assert np.array_equal(seen[0], seen[1]), length
            assert not np.array_equal(seen[0], seen[2])


@pytest.mark.parametrize("guidance_scale", [3.0, 1.0])
def test_no_row_runs_alone(tiny: Path, guidance_scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some processors have a kernel for a single row, whose sums differ from those of rows in company."""
    rows = []
    bind = Session.bind

    def spy(self: Session, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]]) -> object:
        rows.append(len(inputs["tokens"]))
        return bind(self, inputs, outputs)

    monkeypatch.setattr(Session, "bind", spy)
    run(load(tiny), spec(guidance_scale=guidance_scale))
    assert rows == [2]
