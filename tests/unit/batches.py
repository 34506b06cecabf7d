"""Rows and their specs, for tests of what makes them."""

from __future__ import annotations

from lofi_batch.plan import Row
from lofi_common.jobs import AudioFormat, JobSpec


def row_of(number: int, **changes: object) -> Row:
    fields: dict[str, object] = {
        "row": number,
        "prompt": f"rain {number}",
        "duration_sec": 5,
        "seed": number,
        "model": None,
        "temperature": None,
        "top_k": None,
        "top_p": None,
        "guidance_scale": None,
        "format": AudioFormat.WAV,
        "path": f"{number}.wav",
    }
    return Row(**{**fields, **changes})  # type: ignore[arg-type]


def spec_of_row(row: Row, model_version: str) -> JobSpec:
    return JobSpec(
        prompt=row.prompt,
        duration_sec=row.duration_sec,
        seed=row.seed,
        model_version=model_version,
        temperature=1.0,
        top_k=0,
        top_p=0.0,
        guidance_scale=1.0,
        format=row.format,
    )
