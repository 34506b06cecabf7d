"""Runs of an engine for tests: specs, whole tracks, and tracks beside others."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec
from lofi_common.manifest import read_model
from lofi_worker.engine import Engine, Past, StepResult
from lofi_worker.musicgen import sampling
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.load import load_engine
from lofi_worker.musicgen.settings import RunSettings
from tests.parity.checkpoints import MONO, STEREO

CHECKPOINT = MONO
PROMPTS: list[str] = json.loads((MONO / "prompts.json").read_text())
STEREO_PROMPTS: list[str] = json.loads((STEREO / "prompts.json").read_text())


def golden(checkpoint: Path = MONO) -> Mapping[str, NDArray[Any]]:
    """What transformers generated; see tests/fixtures/tiny_musicgen/make.py."""
    with np.load(checkpoint / "golden.npz") as file:
        return dict(file)


def spec(prompt: str = PROMPTS[0], duration_sec: int = 1, seed: int = 1, **changes: Any) -> JobSpec:
    values: dict[str, Any] = {
        "model_version": "tiny",
        "temperature": 1.0,
        "top_k": 250,
        "top_p": 0.0,
        "guidance_scale": 3.0,
    }
    return JobSpec(prompt=prompt, duration_sec=duration_sec, seed=seed, **{**values, **changes})


def load(folder: Path, slots: int = 1, threads: int = 1) -> Engine:
    return load_engine(read_model(folder), slots=slots, settings=RunSettings(threads=threads))


def run(engine: Engine, job: JobSpec, slot: int = 0, past: Past | None = None) -> list[StepResult]:
    """Every result of the slot, from start to finish or error."""
    engine.start(slot, job, past)
    results: list[StepResult] = []
    while not results or not (results[-1].finished or results[-1].error):
        results += [result for result in engine.step() if result.slot == slot]
    return results


def audio_of(results: list[StepResult]) -> NDArray[np.float32]:
    assert results[-1].error is None, results[-1].error
    return np.concatenate([result.audio for result in results if result.audio is not None], axis=1)


def side_by_side(engine: Engine, jobs: Sequence[JobSpec], begins: Sequence[int]) -> list[bytes]:
    """The audio of each job, made in the slot of its number; that one begins with step `begins[slot]`."""
    pieces: list[list[NDArray[np.float32]]] = [[] for _ in jobs]
    waiting, busy, steps = set(range(len(jobs))), set[int](), 0
    while waiting or busy:
        for slot in [slot for slot in sorted(waiting) if steps >= begins[slot]]:
            engine.start(slot, jobs[slot])
            waiting.remove(slot)
            busy.add(slot)
        steps += 1
        for result in engine.step():
            assert result.error is None
            if result.audio is not None:
                pieces[result.slot].append(result.audio)
            busy -= {result.slot} if result.finished else set()
    return [np.concatenate(each, axis=1).tobytes() for each in pieces]


def record_codes(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.int64]]:
    """The codes [frames, codebooks] of each chunk that the engine hands to the codec from now on."""
    chunks: list[NDArray[np.int64]] = []
    push = CodecStream.push

    def spy(self: CodecStream, codes: NDArray[np.int64], last: bool) -> NDArray[np.float32]:
        chunks.append(codes)
        return push(self, codes, last)

    monkeypatch.setattr(CodecStream, "push", spy)
    return chunks


def record_logits(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.float32]]:
    """The logits [codebooks, codebook_size] of each step from now on, after guidance."""
    seen: list[NDArray[np.float32]] = []
    sample = sampling.sample

    def spy(logits: NDArray[np.float32], *rest: Any) -> NDArray[np.int64]:
        seen.append(logits.copy())
        return sample(logits, *rest)

    monkeypatch.setattr(sampling, "sample", spy)
    return seen
