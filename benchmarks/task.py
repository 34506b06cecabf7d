"""What crosses between the benchmark and the processes that it starts: one task in, one measurement out.

A candidate is one way to run the model, e.g. `onnx-int8`. Each measurement has a process of its own, that
reads a Task as JSON from the file named by its only argument and writes a Measurement as JSON, the last line
of its standard output. All candidates do the same work: see README.md.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil

PROMPT = "slow lo-fi beat at 80 bpm, warm electric piano, soft drums, vinyl crackle and rain"
GUIDANCE = 3.0
TOP_K = 250
FRAMES_PER_SECOND = 50
CODEBOOKS = 4
EXTRA_STEPS = CODEBOOKS - 1
"""Steps that a track takes beyond its frames: the delay of the last codebook."""
WINDOW = 20
"""A step time at step n is the median over this many steps that end there."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The steps first + 1 … last of a track, counted from 1."""

    first: int
    last: int


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measures, in this order: loading, a track to warm up, `tracks`, `window`."""

    candidate: str
    files: str
    """The folder of the candidate's files."""
    threads: int
    prompt_ids: list[int]
    """The prompt in tokens, for the peers that get it so; the text is PROMPT."""
    special: int
    """The token that stands where a codebook has none; the sampled ones are below it."""
    tracks: list[int]
    """Seconds of each track that is generated whole."""
    warm_up_sec: int = 1
    window: Span | None = None
    """Measure these steps of a track that is not generated whole. For peers they are its last ones."""
    slots: int = 1
    """Tracks side by side."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A track that was generated whole. All times in seconds, from the request on, the model loaded."""

    seconds: int
    total: float
    first_audio: float
    step_times: list[float]
    """Of every step; the peers' first one feeds the text to all layers, ours has done that before."""
    codec: float
    """Turning codes into audio; ours does it on the way, in steps that are longer for it."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a track that was not generated whole."""

    step_times: list[float]
    """Of its steps; a peer's first one, which catches up with the track, is left out."""
    codec: float
    """Decoding all frames up to its end; ours does it on the way, in steps that are longer for it."""


P = TypeVar("P", Track, Window)


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    candidate: str
    versions: dict[str, str]
    imports: float
    """Seconds from the start of the process until its libraries are there."""
    load: float
    """Seconds from there until the model could take a request."""
    peak_mb: float
    """The largest resident memory of the process, in 10⁶ bytes."""
    tracks: list[Track]
    window: Window | None = None
    slots: int = 1


def read_task() -> Task:
    """The task that this process was started with."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Task)


def answer(found: msgspec.Struct) -> None:
    """Says what was found, as the last line on standard output."""
    print(msgspec.json.encode(found).decode())


def rounded(measurement: Measurement) -> Measurement:
    """The same with step times to the microsecond: thousands of them are kept."""

    def to_microseconds(part: P) -> P:
        times = [round(seconds, 6) for seconds in part.step_times]
        return msgspec.structs.replace(part, step_times=times)

    window = measurement.window
    return msgspec.structs.replace(
        measurement,
        tracks=[to_microseconds(each) for each in measurement.tracks],
        window=None if window is None else to_microseconds(window),
    )


def since_start() -> float:
    """Seconds since this process was started."""
    return time.time() - psutil.Process().create_time()


def steps_for(seconds: int) -> int:
    return seconds * FRAMES_PER_SECOND + EXTRA_STEPS


def peak_mb() -> float:
    """The largest resident memory of this process so far, in 10⁶ bytes.

    Linux's getrusage would count the memory of the process that started this one, too.
    """
    if sys.platform == "linux":
        return peak_mb_of("self")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def peak_mb_of(process: int | str) -> float:
    """The same for another process, by its id. Linux."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024 / 1e6
