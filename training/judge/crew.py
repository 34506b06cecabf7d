"""Players in processes of their own, so that takes and their examination use more than one core."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from training.judge.pitch import Audio
from training.judge.takes import SLOTS, Player, Take
from training.tokens import Codes

T = TypeVar("T")
R = TypeVar("R")


@cache
def _player(folder: Path) -> Player:
    """One for each folder and process."""
    return Player(folder)


def _takes(folder: Path, jobs: Sequence[tuple[str, int]], seconds: int, sound: bool) -> list[Take]:
    return _player(folder).takes(jobs, seconds, sound)


def _play(folder: Path, codes: Codes, seconds: int) -> Audio:
    return _player(folder).play(codes, seconds)


class Crew:
    """`workers` processes with a player of the model folder each; a context manager."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        # Forked children would inherit the run time's threads in whatever state they are.
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def takes(self, jobs: Sequence[tuple[str, int]], seconds: int, sound: bool = True) -> list[Take]:
        """See `Player.takes`."""
        batches = [jobs[at : at + SLOTS] for at in range(0, len(jobs), SLOTS)]
        waiting = [self._pool.submit(_takes, self.folder, batch, seconds, sound) for batch in batches]
        return [take for batch in waiting for take in batch.result()]

    def play(self, tracks: Iterable[Codes], seconds: int) -> list[Audio]:
        """See `Player.play`."""
        waiting = [self._pool.submit(_play, self.folder, codes, seconds) for codes in tracks]
        return [track.result() for track in waiting]

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`function`, which must have a name in a module, of each item."""
        waiting: list[Future[R]] = [self._pool.submit(function, item) for item in items]
        return [each.result() for each in waiting]
