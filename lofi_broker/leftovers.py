"""What a broker that was killed left in the library's folder: put right before the next one runs any job."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from lofi_broker.library import write_metadata
from lofi_broker.store import Store
from lofi_common.api import Track
from lofi_common.jobs import JobState
from lofi_common.logs import fields

log = logging.getLogger(__name__)

_METADATA = re.compile(r"([0-9a-f]{16})\.json")
_PART = re.compile(r"\.[0-9a-f]{16}\.json\.part")
_TOKENS = re.compile(r"([0-9a-f]{16})\.tokens")


def sweep_library(folder: Path, store: Store) -> int:
    """Make the index and the files agree; returns how many tracks were put into the index.

    Deleted are only files of tracks that were just being put there, whose jobs run again from their seeds,
    and the pieces of streams, which nobody hears any more.
    What the index lacks though it is whole, such as tracks of a disk that was away, is put into it; what it
    has though it is not whole is taken out. Other files stay: they are somebody else's. A disk that refuses
    is logged.
    """
    tracks = _without_segments(folder, store.index.every(), store)
    sizes = _file_sizes(folder)
    lost = [track.track_id for track in tracks if sizes.get(_audio(track)) != track.bytes]
    if lost:
        store.index.delete(lost)
    known = {track.track_id: track for track in tracks} | dict.fromkeys(lost)
    for track in known.values():
        if track is not None and f"{track.track_id}.json" not in sizes:  # was just being deleted
            _restore(folder, track)
    found = []
    for name in sizes:
        metadata = _METADATA.fullmatch(name)
        if metadata is not None and known.get(metadata[1]) is None:
            found.append(_settle(folder / name, sizes, store))
        elif _PART.fullmatch(name):
            _delete(folder / name)
    if again := [track for track in found if track is not None]:
        store.index.put_all(again)
    there = {name for name, track in known.items() if track is not None}
    _drop_orphans(folder, sizes, there | {track.track_id for track in again})
    if lost or again:
        log.info(fields("index_mended", lost=len(lost), found=len(again)))
    return len(again)


def _drop_orphans(folder: Path, names: Iterable[str], tracks: set[str]) -> None:
    """Tokens of a track that is gone, or was just being put there, continue nothing."""
    for name in names:
        tokens = _TOKENS.fullmatch(name)
        if tokens is not None and tokens[1] not in tracks:
            _delete(folder / name)


def _without_segments(folder: Path, tracks: Sequence[Track], store: Store) -> list[Track]:
    """The tracks that were not pieces of streams; those are deleted."""
    pieces = [track for track in tracks if track.segment]
    for track in pieces:
        for suffix in ("json", "tokens", str(track.format)):
            _delete(folder / f"{track.track_id}.{suffix}")
    if pieces:
        store.index.delete([track.track_id for track in pieces])
    return [track for track in tracks if not track.segment]


def _settle(metadata: Path, sizes: Mapping[str, int], store: Store) -> Track | None:
    """For metadata that the index does not know: its track, unless that is to be made again."""
    track = _whole_track(metadata, sizes)
    if track is not None and track.segment:
        _without_segments(metadata.parent, [track], store)
        return None
    job = store.job(metadata.stem)
    if job is None or job.state.ended:
        return track
    if track is not None:  # first: without its metadata nobody would know whose it is
        _delete(metadata.with_name(_audio(track)))
    _delete(metadata)
    return None


def _file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a folder, by its name."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}


def _whole_track(metadata: Path, sizes: Mapping[str, int]) -> Track | None:
    """The track that a file of metadata tells of, if its audio is beside it and whole.

    sizes: bytes of each file of the folder.
    """
    try:
        track = msgspec.json.decode(metadata.read_bytes(), type=Track)
    except (OSError, msgspec.DecodeError) as error:
        log.warning(fields("metadata_unusable", file=metadata, reason=error))
        return None
    ours = (track.track_id, track.status) == (metadata.stem, JobState.COMPLETE)
    return track if ours and track.bytes is not None and sizes.get(_audio(track)) == track.bytes else None


def _audio(track: Track) -> str:
    return f"{track.track_id}.{track.format}"


def _restore(folder: Path, track: Track) -> None:
    try:
        write_metadata(folder, track)
    except OSError as error:
        log.warning(fields("metadata_missing", track_id=track.track_id, reason=error.strerror))


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # a library that can't be written to can still be listened to
        log.warning(fields("leftover_stays", file=path, reason=error.strerror))
