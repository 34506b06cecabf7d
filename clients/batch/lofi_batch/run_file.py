"""A small file beside the manifest in which a run says what it is: `lofi-batch status` reads it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import msgspec

from lofi_batch.plan import Shard
from lofi_common.new_file import new_file

_NAME = ".lofi-batch.run"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a shard."""

    host: str
    pid: int
    engine: str
    place: str
    """Where its tracks go, in words."""
    rows: int
    there: int
    """Of the rows: before it began."""
    began_at: float
    """Unix seconds."""


def write_run(folder: Path, shard: Shard, *, engine: str, place: str, rows: int, there: int) -> None:
    """Raises OSError."""
    about = RunFile(
        host=socket.gethostname(),
        pid=os.getpid(),
        engine=engine,
        place=place,
        rows=rows,
        there=there,
        began_at=round(time.time(), 3),
    )
    path = folder / _name(shard)
    with new_file(path, force=os.path.lexists(path)) as descriptor:
        os.write(descriptor, msgspec.json.encode(about) + b"\n")


def read_run(folder: Path, shard: Shard) -> RunFile | None:
    """None: there is none, or it is none of this version's. Raises OSError."""
    try:
        return msgspec.json.decode((folder / _name(shard)).read_bytes(), type=RunFile)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _name(shard: Shard) -> str:
    return _NAME + shard.manifest.removeprefix("manifest").removesuffix(".jsonl")
