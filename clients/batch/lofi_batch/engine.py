"""What a batch wants from whatever makes its tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lofi_batch.interrupts import Interrupts
from lofi_batch.manifest import Record, RowError
from lofi_batch.place import Place
from lofi_batch.plan import Row
from lofi_common.errors import LofiError


class Made(NamedTuple):
    """A finished track, to be taken from `file`."""

    row: Row
    track_id: str
    model_version: str
    file: str
    """As the engine's `Taking` understands it: a path, or a name in the place."""
    sha256: str
    seconds: float | None
    attempts: int
    bytes: int | None = None
    """Of the file, where the engine knows."""
    new: bool = True
    """Made for this batch; else it was there before."""
    last: bool = True
    """No other row takes the same file after this one, so it need not stay."""


class Failed(NamedTuple):
    """A row that is given up."""

    row: Row
    error: RowError
    attempts: int


Outcome = Made | Failed


class Engine(Protocol):
    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        """Every row ends in exactly one of both, in any order; what ended together comes together. Rows are
        read as there is room for them.

        Raises LofiError when none of the rest can be made.
        """

    def again(self, made: Made, error: RowError) -> None:
        """What was made could not be taken from its file: `make` tries it again, or gives it up."""

    def taken(self, made: Made) -> None:
        """The track is safe where it belongs."""

    def cancel(self) -> None:
        """Take back what is under way."""

    def close(self) -> None:
        """Leave, in order; after this nothing of it runs."""


class Taking(Protocol):
    """How the tracks of an engine get to the names of their rows."""

    def take(self, group: Sequence[Made], known: Callable[[Mapping[int, int]], None]) -> dict[int, LofiError]:
        """Give each of these tracks the name of its row, whole or not at all, and on disk. `known` is called
        once, before any has its name, with the bytes of those, by row, that get one: a file of which nothing
        is known is not left behind.

        Returns what failed, by row: SourceLost, TargetFailed, FolderFailed. Raises what `known` raises.
        """

    def is_there(self, record: Record) -> bool:
        """Whether the record's file has its name. Raises OSError."""


Tell = Callable[[str, str], None]
"""Gets what the user has to know, with what to do."""


@dataclass(frozen=True)
class Means:
    """With what a batch is made: where its tracks lie, who makes them, and how they get there."""

    name: str
    """Of the engine, as the command has it."""
    place: Place
    taking: Taking
    start: Callable[[Mapping[str | None, str], Interrupts, Tell], Engine]
    """versions: what each model that is asked for stood for in earlier runs: a batch keeps to that."""
    elsewhere: bool = False
    """The place is not the folder of the manifest, which is put there, too."""
