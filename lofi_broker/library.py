"""The track library: finished files and, beside each, its metadata. Nothing partial under a final name."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec

from lofi_broker.outputs import copy_track
from lofi_broker.store import Store
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, InvalidTrackId
from lofi_common.jobs import Job, JobSpec, JobState, Output
from lofi_common.messages import Done


class Library:
    """Files in `folder`, indexed by the store. `adopt` and `deliver` may run in a thread of their own."""

    def __init__(self, folder: Path, spool: Path, store: Store, output_mode: int) -> None:
        self.folder = folder
        self._spool = spool
        self._store = store
        self._output_mode = output_mode

    def adopt(self, job: Job, done: Done, at: float) -> Track:
        """Move a finished file from the spool to its final name, its metadata beside it.

        The index is written by `Store.save` in the job's own transaction. Raises CacheWriteError.
        """
        source = Path(done.path)
        target = self.folder / f"{job.track_id}.{job.spec.format}"
        track = track_of(
            job,
            status=JobState.COMPLETE,
            sha256=done.sha256,
            bytes=done.bytes,
            sample_rate=done.sample_rate,
            generation_time_sec=done.generation_sec,
            created_at=at,
        )
        metadata = self.folder / f"{job.track_id}.json"
        try:
            whole = done.samples == job.spec.duration_sec * done.sample_rate
            if source.parent != self._spool or source.stat().st_size != done.bytes or not whole:
                raise CacheWriteError(f"{source} is not the file that the worker should have written")
            _write(metadata, msgspec.json.format(msgspec.json.encode(track)))
            source.rename(target)
            _sync_folder(self.folder)
        except OSError as error:
            for path in (metadata, target):  # the job fails: nothing of it stays
                with contextlib.suppress(OSError):
                    path.unlink()
            raise CacheWriteError(f"the track can't be put into {self.folder}: {error.strerror}") from error
        return msgspec.structs.replace(track, path=str(target))

    def deliver(self, track: Track, outputs: tuple[Output, ...]) -> dict[str, str]:
        """Copy the track to each of them; the paths that could not be written, with the reason."""
        errors = {}
        for output in outputs:
            try:
                self.copy(track, output)
            except CacheWriteError as error:
                errors[output.path] = str(error)
        return errors

    def copy(self, track: Track, output: Output) -> None:
        """Copy a track's file to where its user wants it. Raises CacheWriteError."""
        assert track.path is not None
        copy_track(Path(track.path), output, self._output_mode)

    def find(self, track_id: str) -> Track | None:
        """The track if its file is there, whole; an index row without its file is dropped."""
        stored = self._store.track(track_id)
        if stored is None:
            return None
        path = self.folder / f"{track_id}.{stored.format}"
        try:
            whole = path.stat().st_size == stored.bytes
        except FileNotFoundError:
            whole = False
        if not whole:
            self._store.delete_tracks([track_id])
            return None
        return msgspec.structs.replace(stored, path=str(path))

    def list(self, *, limit: int, offset: int, query: str) -> tuple[list[Track], int]:
        tracks, total = self._store.tracks(limit=limit, offset=offset, query=query)
        placed = [
            msgspec.structs.replace(track, path=str(self.folder / f"{track.track_id}.{track.format}"))
            for track in tracks
        ]
        return placed, total

    def delete(self, track_id: str) -> None:
        """Raises InvalidTrackId when the library has no such track."""
        track = self.find(track_id)
        if track is None:
            raise InvalidTrackId(f"the library has no track {track_id}")
        self._store.delete_tracks([track_id])
        self._unlink(track)

    def clear(self) -> int:
        """Delete every track; returns how many there were."""
        tracks, total = self._store.tracks(limit=-1, offset=0, query="")
        self._store.delete_tracks([track.track_id for track in tracks])
        for track in tracks:
            self._unlink(track)
        return total

    def _unlink(self, track: Track) -> None:
        for suffix in (str(track.format), "json"):
            (self.folder / f"{track.track_id}.{suffix}").unlink(missing_ok=True)

    def sweep_spool(self) -> None:
        """Delete what attempts of an earlier broker left; their jobs run again from their seeds."""
        for path in self._spool.iterdir():
            if not path.is_dir():
                path.unlink(missing_ok=True)

    def discard_attempt(self, track_id: str, attempt: int) -> None:
        """Delete what an attempt whose worker died has left in the spool."""
        for path in self._spool.glob(f"{track_id}.{attempt}.*"):
            path.unlink(missing_ok=True)

    def discard(self, path: str) -> None:
        """Delete a spool file that nobody waits for."""
        name = Path(path).name
        if path == str(self._spool / name) and not os.path.isdir(path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def track_of(job: Job, **known: Any) -> Track:
    """The track that a job is, or is to become: its spec and what else is known."""
    spec = {name: getattr(job.spec, name) for name in JobSpec.__struct_fields__}
    return Track(track_id=job.track_id, **spec, **known)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
