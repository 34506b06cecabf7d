"""The seam between the worker's job loop and whatever makes the music: step by step, over slots.

A slot holds one job. All busy slots advance together, because a decoder that is bound by memory bandwidth
runs several rows almost for the price of one; but what one slot holds never changes what another one gives.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import LofiError
from lofi_common.jobs import JobSpec

State = dict[str, NDArray[Any]]
"""What an engine needs beside a track's codes to go on from its end. Only the engine knows the names."""


class Interrupted(Exception):
    """A step was ended by `Engine.interrupt`; nothing of it counts, and it can be taken again."""


@dataclass(frozen=True)
class Past:
    """A finished track that another one continues."""

    codes: NDArray[np.int64]
    """[frames, codebooks]: all that its steps gave."""
    prompt: str
    state: State | None = None
    """What its last step gave."""


@dataclass(frozen=True)
class Bar:
    """How a track is cut into bars."""

    seconds: float
    offset_sec: float
    """Where in the track's audio a bar begins."""


@dataclass(frozen=True)
class StepResult:
    """What one step did for one slot."""

    slot: int
    frames: int
    """Frames that are complete so far, in all codebooks."""
    frames_expected: int
    """Frames of the whole track: exact for codecs of a fixed rate, else an estimate that settles in time."""
    audio: NDArray[np.float32] | None = None
    """float32 [channels, samples]: the audio that is new since the last step."""
    finished: bool = False
    """All audio was given; the slot is free again. It is duration_sec * sample_rate samples, the audio of the
    track that it continues included; a segment gives only its own, and at least as many."""
    codes: NDArray[np.int64] | None = None
    """[frames, codebooks]: those that became final with this step. All of them in order are the track's; a
    continuation gives those of the past, as far as it keeps them, once more. A segment gives its own."""
    state: State | None = None
    """With `finished`: what a continuation needs beside the codes."""
    bar: Bar | None = None
    """With `finished`: of an engine that tells bars; of a loop, too, those that it was cut at."""
    error: LofiError | None = None
    """The job failed and its slot is free again; the other slots go on."""


class Engine(Protocol):
    """Turns job specs into audio. Not thread-safe: one thread calls it, but for `interrupt`."""

    @property
    def model_version(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def slots(self) -> int: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def tells_bars(self) -> bool:
        """Whether it knows the bars of its tracks; of others they are found by ear."""

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        """Encodes the prompt and takes the free slot. past: of the track that `spec.continue_from` names.

        Raises ModelInferenceFailed when the job cannot run; the slot stays free.
        """

    def step(self) -> list[StepResult]:
        """Advances every busy slot by one step of the decoder; one result per busy slot, in their order.

        Raises ModelInferenceFailed when a graph itself fails, as when memory runs out: all slots are lost.
        Raises Interrupted when another thread called `interrupt`.
        """

    def stop(self, slot: int) -> None:
        """Frees the slot at once, whatever it does."""

    def interrupt(self) -> None:
        """Ends the step that runs, or the next one, early. The only method for other threads."""
