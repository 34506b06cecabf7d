"""Where the tracks of a batch lie, as the driver and the engines of other machines see it.

Engines that make tracks elsewhere put them there under names of their own, in the made folder; the driver
writes the row down and only then gives the track the name of its row.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol

from lofi_batch.files import Content
from lofi_batch.manifest import Record
from lofi_batch.plan import Shard
from lofi_common.jobs import AudioFormat

MADE = ".made"
"""The made folder: hidden, so that no row can lie there."""

Stands = Literal["nothing", "file", "other", "outside"]
"""What has a row's name. `other` is no file, `outside` lies behind a link that leads out of the place."""


class Look(Protocol):
    """What lies in a place."""

    def is_there(self, record: Record) -> bool:
        """Whether the record's file is there. Raises OSError when it can't be read."""

    def stands_at(self, path: str) -> Stands:
        """What has this name. Raises OSError."""


class Place(Protocol):
    """Paths are relative to it, with `/`. All methods raise FolderFailed or OSError when it can't be used."""

    @property
    def shown(self) -> str:
        """In words, without secrets."""

    @property
    def compares_bytes(self) -> bool:
        """Whether a record's file is told from another one of the same name and size."""

    def prepare(self) -> None:
        """Make the folder that it is, before anything is made for it. Raises InvalidParams where a file is
        in its place."""

    def look(self) -> Look:
        """At all of it at once, for many questions. Raises InvalidParams where a file is in its place."""

    def is_there(self, record: Record) -> bool:
        """Whether the record's file is there now."""

    def delete(self, paths: Iterable[str]) -> None:
        """Delete these files; some may not be there."""

    def put(self, source: Path, path: str) -> None:
        """Put a file of this machine there, whole or not at all and safe, over what has its name."""

    # the made folder

    def made(self, track_id: str, kind: AudioFormat) -> str:
        """The path of a track that has no row's name yet."""

    def made_there(self) -> set[str]:
        """The paths of all made tracks, whole ones only."""

    def read(self, path: str) -> Content | None:
        """Of a made track; None: it is not there."""

    def adopt(self, made: str, path: str, size: int, *, last: bool) -> None:
        """Give a made track the name of a row; unless it is the last it stays where it is, too.

        Raises SourceLost when it is not there or has not this many bytes, TargetFailed, FolderFailed.
        """

    def settle(self, paths: Iterable[str]) -> None:
        """Return once these names, which were given by `adopt`, are safe. Raises FolderFailed."""

    def tidy(self) -> None:
        """Remove the made folder with all that is left in it."""

    @property
    def side_by_side(self) -> int:
        """How many calls of `adopt` are worth running at a time."""


def made_folder(shard: Shard) -> str:
    """Each shard has its own: several may share a place."""
    return shard.manifest.replace("manifest", MADE).removesuffix(".jsonl")
