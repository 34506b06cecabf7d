"""What every measuring process in Python does: loading, a track to warm up, and what the task asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from benchmarks.task import Measurement, Span, Task, Track, Window, answer, peak_mb, read_task, since_start


class Peer(Protocol):
    """One way to run the model, loaded."""

    def track(self, seconds: int) -> Track:
        """Generates a track and decodes it."""

    def window(self, span: Span) -> Window:
        """Times these steps of a track."""


def run(load: Callable[[Task], Peer], versions: Mapping[str, str]) -> None:
    """The main function of a measuring process, called when its libraries are imported."""
    imports = since_start()
    task = read_task()
    began = time.perf_counter()
    peer = load(task)
    loaded = time.perf_counter()
    peer.track(task.warm_up_sec)
    tracks = [peer.track(seconds) for seconds in task.tracks]
    window = None if task.window is None else peer.window(task.window)
    answer(
        Measurement(
            candidate=task.candidate,
            versions=dict(versions),
            imports=imports,
            load=loaded - began,
            peak_mb=peak_mb(),
            tracks=tracks,
            window=window,
            slots=task.slots,
        )
    )
