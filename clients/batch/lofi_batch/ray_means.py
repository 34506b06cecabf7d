"""What `--engine ray` is started with, and where its tracks go."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from lofi_batch.engine import Engine, Means, Tell
from lofi_batch.errors import RayMissing
from lofi_batch.interrupts import Interrupts
from lofi_batch.place import made_folder
from lofi_batch.places import open_place
from lofi_batch.plan import Shard
from lofi_batch.ray_options import RayOptions
from lofi_batch.takeover import TakeOver
from lofi_common.config import load_config
from lofi_common.paths import find_paths


def ray(folder: Path, tracks: str | None, shard: Shard, options: RayOptions) -> Means:
    """A cluster. tracks: URL or folder that all nodes can write to; None: `folder` is one.

    Raises RayMissing, ConfigError, InvalidParams.
    """
    if importlib.util.find_spec("ray") is None:
        raise RayMissing("--engine ray needs Ray, which is not installed")
    paths = find_paths(os.environ)
    config = load_config(paths.config_file, os.environ)
    here = str(folder.absolute())
    where = here if tracks is None else _absolute(tracks), made_folder(shard)
    place = open_place(*where)

    def start(versions: Mapping[str | None, str], interrupts: Interrupts, tell: Tell) -> Engine:
        from lofi_batch.ray_engine import RayEngine  # numpy and the worker come with it

        return RayEngine(options, place, where, (paths, config), versions, interrupts, tell)

    return Means(name="ray", place=place, taking=TakeOver(place), start=start, elsewhere=where[0] != here)


def _absolute(where: str) -> str:
    """The same from any folder."""
    return where if "://" in where or "::" in where else str(Path(where).absolute())
