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
from collections.abc import Callable
from pathlib import Path

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


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measures, in this order: loading, a track to warm up, `tracks`, the window."""

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
    window_frames: int | None = None
    """Measure the last WINDOW steps of a track of so many frames, and its decoding, without the rest."""
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
    """The end of a track that was not generated whole."""

    frames: int
    step_times: list[float]
    codec: float
    """Decoding all of the frames."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    candidate: str
    versions: dict[str, str]
    imports: float
    """Seconds from the start of the process until its libraries are there."""
    load: float
    """Seconds from there until the model could take a request."""
    peak_mib: float
    """The largest resident memory of the process."""
    tracks: list[Track]
    window: Window | None = None
    slots: int = 1


def run_task(measure: Callable[[Task], Measurement]) -> None:
    """The main function of a measuring process."""
    task = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Task)
    print(msgspec.json.encode(measure(task)).decode())


def rounded(measurement: Measurement) -> Measurement:
    """The same with step times to the microsecond: thousands of them are kept."""

    def to_microseconds(track: Track) -> Track:
        times = [round(seconds, 6) for seconds in track.step_times]
        return msgspec.structs.replace(track, step_times=times)

    return msgspec.structs.replace(measurement, tracks=[to_microseconds(each) for each in measurement.tracks])


def since_start() -> float:
    """Seconds since this process was started."""
    return time.time() - psutil.Process().create_time()


def steps_for(seconds: int) -> int:
    return seconds * FRAMES_PER_SECOND + EXTRA_STEPS


def peak_mib() -> float:
    """The largest resident memory of this process so far.

    Linux's getrusage would count the memory of the process that started this one, too.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
