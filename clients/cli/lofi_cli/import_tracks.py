"""`lofi tracks import`: sound files of anybody's become tracks of the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lofi_cli import exits
from lofi_cli.group import FORMATS, HELP

if TYPE_CHECKING:
    from lofi_client import Lofi
    from lofi_common.api_library import ImportResult

_SUFFIXES = tuple(f".{kind}" for kind in FORMATS)

_RAISE = "Raise that (`lofi config set {setting} NUMBER`, then `lofi broker stop`), or import fewer."


@click.command("import", context_settings=HELP)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Give them this tag; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file.")
def import_(paths: tuple[Path, ...], tags: tuple[str, ...], as_json: bool) -> None:
    """Copy WAV, FLAC, OGG and MP3 files, and those of folders, into the library.

    What `lofi tracks export` wrote keeps its prompt, its seed and its model; of other files the title or the
    name is taken. What is there already is told. A file that can't be imported is told, and the others are
    gone on with.
    """
    with exits.reported():
        from lofi_client import Lofi

        files = list(dict.fromkeys(found for path in paths for found in _files(path.expanduser())))
        with Lofi.connect(name="lofi") as lofi:
            _check_room(lofi, files)
            code = exits.OK
            for file in files:
                code = _import(lofi, file, tags, as_json=as_json) or code
        sys.exit(code)


def _files(path: Path) -> Iterator[Path]:
    """The file, or the sound files of a folder and of those in it, by their names; hidden ones are left out.

    Raises InvalidParams when it has none.
    """
    from lofi_common.errors import InvalidParams

    if not path.is_dir():
        yield path.absolute()
        return
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(folder, name)
            for name in names
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise InvalidParams(f"{path} holds no files that end in {', '.join(_SUFFIXES)}")
    yield from sorted(file.absolute() for file in found)


def _check_room(lofi: Lofi, files: Sequence[Path]) -> None:
    """Raises CacheWriteError when the library can't hold all: the first would make room for the last."""
    from lofi_common.errors import CacheWriteError
    from lofi_common.units import human_bytes

    limits = lofi.stats()
    size = sum(file.stat().st_size for file in files if file.is_file())
    if limits.max_bytes and size > limits.max_bytes:
        held = human_bytes(limits.max_bytes)
        raise CacheWriteError(
            f"the files have {human_bytes(size)}, and the library holds {held} at most",
            recovery=_RAISE.format(setting="cache.max_mb"),
        )
    if limits.max_tracks and len(files) > limits.max_tracks:
        raise CacheWriteError(
            f"these are {len(files)} files, and the library holds {limits.max_tracks} tracks at most",
            recovery=_RAISE.format(setting="cache.max_tracks"),
        )


def _import(lofi: Lofi, file: Path, tags: Sequence[str], *, as_json: bool) -> int:
    """The exit code of one file."""
    from lofi_common.errors import BrokerUnavailable, LofiError

    try:
        result = lofi.import_track(file)
        if tags:
            lofi.tag_track(result.track.track_id, add=tags)
    except BrokerUnavailable:
        raise
    except LofiError as error:
        return exits.fail_with(error)
    click.echo(_told(file, result, as_json=as_json))
    return exits.OK


def _told(file: Path, result: ImportResult, *, as_json: bool) -> str:
    from lofi_cli.show import json_line, printable

    track = result.track
    if as_json:
        return json_line({"path": str(file), "track_id": track.track_id, "duplicate": result.duplicate})
    there = "  (in the library already)" if result.duplicate else ""
    return f"{track.track_id}  {printable(track.prompt)}{there}"
