"""What a batch wants from whatever makes its tracks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from lofi_batch.manifest import RowError
from lofi_batch.plan import Row


class Made(NamedTuple):
    """A finished track, to be taken from `file`."""

    row: Row
    track_id: str
    model_version: str
    file: Path
    sha256: str
    seconds: float | None
    attempts: int
    new: bool = True
    """Made for this batch; else it was there before."""


class Failed(NamedTuple):
    """A row that is given up."""

    row: Row
    error: RowError
    attempts: int


class Engine(Protocol):
    def make(self, rows: Iterable[Row]) -> Iterator[Made | Failed]:
        """Every row ends in exactly one of both, in any order; rows are read as there is room for them.

        Raises LofiError when none of the rest can be made.
        """

    def again(self, made: Made, error: RowError) -> None:
        """What was made could not be taken from its file: `make` tries it again, or gives it up."""

    def taken(self, made: Made) -> None:
        """The track is safe where it belongs."""

    def cancel(self) -> None:
        """Take back what is under way."""
