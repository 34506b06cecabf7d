"""A small file beside the manifest in which a run says what it is: `lofi-batch status` reads it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import msgspec

from lofi_batch.files import rewritten
from lofi_batch.plan import Shard

_NAME = ".lofi-batch.run"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a batch, or of a shard."""

    host: str
    pid: int
    engine: str
    place: str
    """Where its tracks go, in words."""
    elsewhere: bool = False
    """Which is not the folder of the manifest. That one may have been moved since."""
    rows: int
    there: int
    """Of the rows: before it began."""
    journal: int
    """Bytes of the journal before it began: what comes after them is of this run."""
    began_at: float
    """Unix seconds."""
    ended_at: float | None = None
    """None: it is at work, or was killed."""
    made: int = 0
    failed: int = 0
    """Rows, once it has ended."""


def begun(*, engine: str, place: str, elsewhere: bool, rows: int, there: int, journal: int) -> RunFile:
    """Of a run of this process, from now on."""
    return RunFile(
        host=socket.gethostname(),
        pid=os.getpid(),
        engine=engine,
        place=place,
        elsewhere=elsewhere,
        rows=rows,
        there=there,
        journal=journal,
        began_at=round(time.time(), 3),
    )


def ended(run: RunFile, *, made: int, failed: int) -> RunFile:
    """It ends now."""
    return msgspec.structs.replace(run, ended_at=round(time.time(), 3), made=made, failed=failed)


def write_run(folder: Path, shard: Shard, run: RunFile) -> None:
    """Raises OSError."""
    with rewritten(folder / _name(shard)) as file:
        file.write(msgspec.json.encode(run) + b"\n")


def read_run(folder: Path, shard: Shard) -> RunFile | None:
    """None: there is none, or it is none of this version's. Raises OSError."""
    try:
        return msgspec.json.decode((folder / _name(shard)).read_bytes(), type=RunFile)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _name(shard: Shard) -> str:
    return _NAME + shard.manifest.removeprefix("manifest").removesuffix(".jsonl")
