"""`python -m lofi_worker.verify`: is a model whole, and does it run? One JSON object on stdout.

The broker starts it and waits; it leaves when its stdin is closed.
"""

from __future__ import annotations

import argparse
import os
import queue
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from lofi_common.api_models import GoldenCheck, ModelVerifyResult, TrialRun, VerifiedFile
from lofi_common.errors import LofiError, ModelInferenceFailed
from lofi_common.manifest import Model, check_large_file, check_size, for_engine, read_manifest
from lofi_worker.orphan import follow_parent

if TYPE_CHECKING:
    from lofi_worker.musicgen.settings import RunSettings

# The first step of the published weights of musicgen-small: what is likeliest for each codebook.
GOLDEN_PROMPT = "80s pop track with bassy drums and synth"
GOLDEN_GUIDANCE = 3.0
GOLDEN_CODES = [353, 1659, 1007, 1801]
GOLDEN_NAMES = "musicgen-small"

_STEPS = 24
_SECONDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="lofi-verify", description="Started by the broker.")
    parser.add_argument("--model", type=Path, required=True, help="model folder")
    parser.add_argument("--engine", choices=["onnx", "fake"], default="onnx")
    parser.add_argument("--full", action="store_true", help="load the model and run it too")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or coreml (metal)")
    parser.add_argument("--threads", type=int, required=True, help="inference threads")
    parser.add_argument("--spin", action="store_true", help="threads spin while they wait")
    parser.add_argument("--nice", type=int, default=0, help="niceness to take, 0 to 19")
    arguments = parser.parse_args()
    os.nice(arguments.nice)
    follow_parent(queue.SimpleQueue())
    model = for_engine(read_manifest(arguments.model), arguments.engine)
    result = verify(
        model,
        full=arguments.full,
        device=arguments.device,
        threads=arguments.threads,
        spin=arguments.spin,
    )
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    sys.stdout.buffer.flush()


def verify(model: Model, *, full: bool, device: str, threads: int, spin: bool) -> ModelVerifyResult:
    """Check the SHA-256 of all files; with `full`, run the first steps of a track as well."""
    files = [_verified(model, name) for name in model.manifest.files]
    run, error = None, None
    if full and all(file.ok for file in files):
        try:
            run = _try_out(model, device, threads, spin)
        except LofiError as failure:
            error = failure.info()
    whole = all(file.ok for file in files) and error is None
    return ModelVerifyResult(
        model=model.manifest.name,
        model_version=model.version,
        ok=whole,
        files=files,
        run=run,
        error=error,
    )


def _verified(model: Model, name: str) -> VerifiedFile:
    size = model.manifest.files[name].bytes
    try:
        check_size(model, name)
        check_large_file(model, name)
    except LofiError as error:
        return VerifiedFile(name=name, bytes=size, ok=False, reason=str(error))
    return VerifiedFile(name=name, bytes=size, ok=True)


def _try_out(model: Model, device: str, threads: int, spin: bool) -> TrialRun:
    """Raises ModelLoadFailed or ModelInferenceFailed."""
    from lofi_worker.musicgen.device import device_called
    from lofi_worker.musicgen.load import load_engine
    from lofi_worker.musicgen.settings import RunSettings

    settings = RunSettings(threads=threads, device=device_called(device), spin=spin)
    golden = None
    if model.manifest.name.startswith(GOLDEN_NAMES):
        found = first_codes(model, settings, GOLDEN_PROMPT, GOLDEN_GUIDANCE)
        golden = GoldenCheck(prompt=GOLDEN_PROMPT, expected=GOLDEN_CODES, found=found)
    began = time.monotonic()
    engine = load_engine(model, slots=1, settings=settings)
    load_sec = time.monotonic() - began
    engine.start(0, model.job(GOLDEN_PROMPT, _SECONDS, seed=0))
    times = []
    for _ in range(_STEPS):
        began = time.monotonic()
        (result,) = engine.step()
        times.append(time.monotonic() - began)
        if result.error is not None:
            raise result.error
    return TrialRun(
        device=engine.device,
        threads=threads,
        load_sec=round(load_sec, 3),
        steps=len(times),
        step_ms=round(1000 * statistics.median(times), 3),
        rss=psutil.Process().memory_info().rss,
        golden=golden,
    )


def first_codes(model: Model, settings: RunSettings, prompt: str, guidance_scale: float) -> list[int]:
    """The likeliest code of each codebook at the first step, all codebooks fed with the special token."""
    import numpy as np

    from lofi_worker.musicgen import sampling
    from lofi_worker.musicgen.load import load_decoder, load_text_encoder

    text = load_text_encoder(model, settings).encode(prompt)
    decoder = load_decoder(model, 1, settings)
    decoder.start(0, text)
    spec = model.manifest.decoder
    decoder.feed(0, 0, np.full(spec.codebooks, spec.codebook_size, np.int64), 0)
    logits = decoder.step(True)
    guided = sampling.guide(logits[0, 0], logits[1, 0], guidance_scale)
    if not np.isfinite(guided).all():
        raise ModelInferenceFailed("the model gave numbers that are not finite in its first step")
    return [int(code) for code in guided.argmax(axis=1)]


if __name__ == "__main__":
    os.umask(0o077)
    main()
