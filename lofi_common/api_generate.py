"""What clients ask of a new track, and what they hear of it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from lofi_common.api_base import Params, Result, TrackId
from lofi_common.errors import InvalidDuration, InvalidParams, InvalidPrompt
from lofi_common.jobs import (
    MAX_DURATION_SEC,
    MAX_LOOP_SEC,
    MIN_DURATION_SEC,
    AudioFormat,
    JobState,
    Priority,
)

DEFAULT_DURATION_SEC = 30
MAX_PROMPT_CHARS = 1000
DURATION_IN_WORDS = f"duration_sec must be a whole number from {MIN_DURATION_SEC} to {MAX_DURATION_SEC}"
SEED_IN_WORDS = "must be a whole number from 0 to 2^64 - 1"


class GenerateParams(Params, frozen=True, kw_only=True):
    prompt: str | None = None
    """null only with `continue_from`: the prompt of that track."""
    duration_sec: Annotated[int, Meta(ge=1, le=MAX_DURATION_SEC)] = DEFAULT_DURATION_SEC
    """5 at least; with `continue_from` what is added, 1 at least. The whole track has at most
    `queue.max_duration_sec`."""
    seed: Annotated[int, Meta(ge=0)] | None = None
    priority: Priority = Priority.NORMAL
    model: str | None = None
    temperature: Annotated[float, Meta(ge=0.0, le=10.0)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=65536)] | None = None
    top_p: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    format: AudioFormat | None = None
    """null: that of the track that it continues, else wav."""
    output: str | None = None
    """Absolute path to copy the track to."""
    force: bool = False
    """Replace an existing file there."""
    continue_from: TrackId | None = None
    """A track of the library, which comes first; then `duration_sec` more."""
    loop: bool = False
    """A whole number of bars that repeats without a seam, as near to `duration_sec` as there is, which is 120
    at most."""


class GenerateResult(Result, frozen=True, kw_only=True):
    track_id: str
    status: JobState
    seed: int
    model_version: str
    position: int | None = None
    """0 = next to generate; absent unless queued."""
    path: str | None = None
    """Present when the track was in the library already."""


class GenerationStart(Result, frozen=True, kw_only=True):
    track_id: str
    prompt: str
    duration_sec: int
    seed: int
    model_version: str


class GenerationProgress(Result, frozen=True, kw_only=True):
    track_id: str
    percent: Annotated[int, Meta(ge=0, le=99)]
    tokens_generated: int
    tokens_estimated: int
    eta_sec: float
    audio_sec: float
    """Seconds of the track that can be played already."""


class GenerationComplete(Result, frozen=True, kw_only=True):
    track_id: str
    path: str
    duration_sec: int
    """What was asked for: a loop's true length are its samples."""
    sample_rate: int
    samples: int | None = None
    """In each channel."""
    prompt: str
    seed: int
    generation_time_sec: float
    model_version: str
    sha256: str
    output_errors: dict[str, str] | None = None
    """Copies that could not be written (`generate`'s `output`), with the reason; the track itself is safe."""


class GenerationError(Result, frozen=True, kw_only=True):
    track_id: str
    code: str
    message: str
    recovery: str


def checked(params: GenerateParams) -> GenerateParams:
    """What types can't say: the prompt's length after trimming, the seed's range, what goes together.

    Raises InvalidPrompt, InvalidDuration, InvalidParams.
    """
    check_seed(params.seed)
    if params.continue_from is None:
        if params.prompt is None:
            raise InvalidParams("`prompt` is missing")
        if params.duration_sec < MIN_DURATION_SEC:
            raise InvalidDuration(DURATION_IN_WORDS)
    elif params.loop:
        raise InvalidParams("loop: a track that continues another one can't be a loop")
    if params.loop and params.duration_sec > MAX_LOOP_SEC:
        raise InvalidParams(
            f"loop: a loop has at most {MAX_LOOP_SEC} s, not {params.duration_sec} s",
            recovery="Ask for a shorter one, or leave `loop` out.",
        )
    if params.prompt is None:
        return params
    return msgspec.structs.replace(params, prompt=_trimmed(params.prompt))


def check_seed(seed: int | None) -> None:
    """Raises InvalidParams for one that has more than 64 bits."""
    if seed is not None and seed >= 1 << 64:
        raise InvalidParams(f"seed: {SEED_IN_WORDS}")


def _trimmed(prompt: str) -> str:
    prompt = prompt.strip()
    if not prompt:
        raise InvalidPrompt("the prompt is empty")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise InvalidPrompt(f"the prompt has {len(prompt)} characters, over the limit of {MAX_PROMPT_CHARS}")
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise InvalidPrompt("the prompt is not valid Unicode text", details=str(error)) from error
    return prompt
