"""What `--engine local` is started with, and where its tracks go."""

from __future__ import annotations

from pathlib import Path

from lofi_batch.copying import Copying
from lofi_batch.engine import Means
from lofi_batch.folder import Folder
from lofi_batch.local import LocalEngine, Options


def local(folder: Path, options: Options) -> Means:
    """This user's broker, on this machine."""
    place = Folder(folder)
    return Means(
        name="local",
        place=place,
        taking=Copying(place),
        start=lambda versions, interrupts, tell: LocalEngine(options, versions, interrupts, tell),
    )
