"""What a long track takes in the product: client, broker and worker with their defaults. Linux.

    python -m benchmarks.product TASK.json

The engine alone leaves out what the worker holds besides: its messages, the track, the file that it writes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress

import msgspec

from benchmarks.task import PROMPT, Task, answer, peak_mb_of, read_task
from lofi_client.client import Lofi
from lofi_client.launch import wait_gone
from lofi_common.api import GenerateParams, GenerationComplete
from lofi_common.errors import LofiError
from lofi_common.paths import find_paths

TRACK_SEC = 600.0
LEAVE_SEC = 10.0


class Product(msgspec.Struct, frozen=True, kw_only=True):
    candidate: str
    """Whose files the worker had."""
    seconds: int
    """Of the track."""
    generation: float
    """Seconds that the worker took for it, as the broker told."""
    peak_mb: float
    """The largest resident memory of the worker's process, from its start on."""


def measure(task: Task) -> Product:
    """Makes one track with a broker of its own. Raises LofiError, and TimeoutError."""
    (seconds,) = task.tracks
    home = tempfile.mkdtemp(prefix="lofi-")  # sockets need a short path
    os.environ.update(
        LOFI_HOME=home,
        LOFI_MODEL_FOLDER=task.files,
        LOFI_WORKER_DEVICE="cpu",
        LOFI_WORKER_THREADS=str(task.threads),
    )
    try:
        return _measure(task.candidate, seconds)
    finally:
        shutil.rmtree(home, ignore_errors=True)  # of a broker that is still leaving


def _measure(candidate: str, seconds: int) -> Product:
    paths = find_paths(os.environ)
    with Lofi.connect(name="benchmark", paths=paths) as client:
        try:
            accepted = client.submit(GenerateParams(prompt=PROMPT, duration_sec=seconds, seed=0))
            *_, ended = client.follow(accepted, TRACK_SEC)
            if not isinstance(ended, GenerationComplete):
                sys.exit(f"the track failed: {ended}")
            track = client.track(accepted.track_id)
            (worker,) = client.status().workers
            assert worker.pid is not None and track.generation_time_sec is not None
            return Product(
                candidate=candidate,
                seconds=seconds,
                generation=track.generation_time_sec,
                peak_mb=peak_mb_of(worker.pid),
            )
        finally:
            with suppress(LofiError):  # what went wrong before is what counts
                client.shutdown()
            wait_gone(paths, LEAVE_SEC)


if __name__ == "__main__":
    answer(measure(read_task()))
