"""The track library: finished files and, beside each, its metadata. Nothing partial under a final name."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import hashlib
import logging
import os
import secrets
import sqlite3
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lofi_broker import marks
from lofi_broker.index import Held
from lofi_broker.store import Store
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, InvalidTrackId
from lofi_common.jobs import Job, JobSpec, JobState
from lofi_common.logs import fields
from lofi_common.messages import Done
from lofi_common.paths import sync_folder

log = logging.getLogger(__name__)

_AT_ONCE = 500
"""Tracks that are deleted by one transaction: more would keep others waiting."""

TOKENS = "tokens"
"""The suffix of a file of tokens, in the spool and beside a track."""

_TOLD_AS_IT_IS = (
    "samples",
    "peak",
    "loudness_lufs",
    "bar_sec",
    "bar_offset_sec",
    "tokens_sha256",
    "tokens_bytes",
)


class Library:
    """Files in `folder`, indexed by the store. They are moved and deleted in threads, one after another."""

    def __init__(self, folder: Path, spool: Path, store: Store) -> None:
        self.folder = folder
        self._spool = spool
        self._store = store
        self.changing = asyncio.Lock()
        """Held by whoever changes files: a track that is made again while it is deleted comes after that."""

    async def adopt(self, job: Job, done: Done, at: float) -> Track:
        """Move a finished file from the spool to its final name, its metadata beside it. A file that has the
        name is replaced: it is not, or no longer, a track that the index knows.

        The index is written by `Store.save` in the job's own transaction. Raises CacheWriteError.
        """
        async with self.changing:
            return await asyncio.to_thread(self._adopt, job, done, at)

    def _adopt(self, job: Job, done: Done, at: float) -> Track:
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
            **{name: getattr(done, name) for name in _TOLD_AS_IT_IS},
        )
        tokens = self._spool / f"{done.job_id}.{done.attempt}.{TOKENS}"
        moves = {source: target}
        if done.tokens_sha256 is not None:
            moves = {tokens: self.tokens_file(job.track_id), **moves}
        try:
            ours = source.parent == self._spool and _as_long_as_asked(job.spec, done)
            if not ours or not _is_told(source, done.bytes, done.sha256):
                raise CacheWriteError(f"{source} is not the file that the worker should have written")
            if done.tokens_sha256 is not None and not _is_told(tokens, done.tokens_bytes, done.tokens_sha256):
                raise CacheWriteError(f"{tokens} is not the file that the worker should have written")
            self._put(track, moves)
        except OSError as error:
            raise self._refused(error) from error
        return msgspec.structs.replace(track, path=str(target))

    def spool_file(self) -> Path:
        """A name in the spool that nobody has."""
        return self._spool / f"import-{secrets.token_hex(8)}"

    async def take_in(self, track: Track, source: Path) -> Track:
        """Move a file of the spool into the library, as this track. Raises CacheWriteError."""
        async with self.changing:
            target = self.folder / f"{track.track_id}.{track.format}"
            try:
                await asyncio.to_thread(self._put, track, {source: target})
            except OSError as error:
                raise self._refused(error) from error
            self._store.index.put_all([track])
        return msgspec.structs.replace(track, path=str(target))

    def _put(self, track: Track, moves: Mapping[Path, Path]) -> None:
        """Write the metadata, then move files, the last one the audio. Raises OSError; nothing stays then."""
        put: list[Path] = []
        try:
            put.append(write_metadata(self.folder, track))
            for source, target in moves.items():
                put.append(source.rename(target))
            sync_folder(self.folder)
        except OSError:
            for path in put:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise

    def _refused(self, error: OSError) -> CacheWriteError:
        return CacheWriteError(f"the track can't be put into {self.folder}: {error.strerror}")

    def find(self, track_id: str) -> Track | None:
        """The track if its file is there, whole. If not, its index row is dropped, if the disk lets it.

        A file of another size, such as one that its user tagged, is nobody's track. It is left alone until
        the same track is made again.
        """
        stored = self._store.index.track(track_id)
        if stored is None:
            return None
        path = self.folder / f"{track_id}.{stored.format}"
        try:
            whole = path.stat().st_size == stored.bytes
        except FileNotFoundError:
            whole = False
        if not whole:
            try:
                self._store.index.delete([track_id])
            except sqlite3.Error as error:
                log.warning(fields("row_stays", track_id=track_id, reason=error))
            return None
        return msgspec.structs.replace(stored, path=str(path))

    def of_file(self, sha256: str) -> Track | None:
        """The track whose audio file this is."""
        track_id = self._store.index.of_file(sha256)
        return None if track_id is None else self.find(track_id)

    def unknown(self, track_ids: Sequence[str]) -> str | None:
        """The first of these ids that is not in the index; files are not looked at."""
        return self._store.index.unknown(track_ids)

    def list(
        self, *, limit: int, offset: int, query: str = "", favourites: bool = False, tag: str = ""
    ) -> tuple[list[Track], int]:
        """One page of the tracks that are meant, newest first, as `TrackIndex.page` has it."""
        tracks, total = self._store.index.page(
            limit=limit, offset=offset, query=query, favourites=favourites, tag=tag
        )
        placed = [
            msgspec.structs.replace(track, path=str(self.folder / f"{track.track_id}.{track.format}"))
            for track in tracks
        ]
        return placed, total

    def stats(self) -> tuple[int, int]:
        """(number of tracks, bytes of their files)."""
        return self._store.index.stats()

    async def mark(self, track_id: str, change: Callable[[Track], Track]) -> Track:
        """Change what is said of a track, in its metadata and in the index. Raises InvalidTrackId,
        CacheWriteError and what `change` raises; then nothing has changed."""
        async with self.changing:
            track = self.find(track_id)
            if track is None:
                raise InvalidTrackId(f"the library has no track {track_id}")
            changed = change(track)
            if changed != track:
                try:
                    kept = msgspec.structs.replace(changed, path=None)
                    await asyncio.to_thread(write_metadata, self.folder, kept)
                except OSError as error:
                    raise CacheWriteError(
                        f"nothing can be written into {self.folder}: {error.strerror}"
                    ) from error
                self._store.index.put_all([changed])
        return changed

    async def played(self, track_id: str, at: float) -> None:
        """A track began to be heard. A disk that refuses is logged: it is heard all the same."""
        try:
            await self.mark(track_id, lambda track: marks.played(track, at))
        except InvalidTrackId:  # deleted since
            return
        except (CacheWriteError, OSError, sqlite3.Error) as error:
            log.warning(fields("play_not_kept", track_id=track_id, reason=error))

    async def wanted(self, track_ids: Iterable[str]) -> None:
        """Somebody asks for these: those that are the radio's are kept as others are from now on. A disk that
        refuses is logged."""
        for track_id in track_ids:
            track = self._store.index.track(track_id)
            try:
                if track is not None and track.radio:
                    await self.mark(track_id, marks.wanted)
            except InvalidTrackId:  # deleted since
                continue
            except (CacheWriteError, sqlite3.Error) as error:
                log.warning(fields("wish_not_kept", track_id=track_id, reason=error))

    async def delete(self, track_id: str) -> None:
        """Raises InvalidTrackId when the library has no such track, CacheWriteError."""
        async with self.changing:
            track = self.find(track_id)
            if track is None:
                raise InvalidTrackId(f"the library has no track {track_id}")
            await self._delete((track,))

    async def clear(self) -> int:
        """Delete every track; returns how many there were. Raises CacheWriteError."""
        deleted = 0
        async with self.changing:
            while tracks := self._store.index.page(limit=_AT_ONCE, offset=0)[0]:
                await self._delete(tracks)
                deleted += len(tracks)
        return deleted

    async def make_room(self, choose: Callable[[Sequence[Held]], Iterable[str]]) -> Sequence[Track]:
        """Delete the tracks that `choose` names of all that are held; returns them.

        Raises CacheWriteError.
        """
        async with self.changing:
            found = [self._store.index.track(track_id) for track_id in choose(self._store.index.held())]
            gone = [track for track in found if track is not None]
            if gone:
                await self._delete(gone)
            return gone

    async def _delete(self, tracks: Iterable[Track]) -> None:
        """The index comes last: what a kill cut off is still known there, and the next broker sees to it."""
        gone: set[str] = set()
        try:
            await asyncio.to_thread(self._unlink, tracks, gone)
        except OSError as error:
            raise CacheWriteError(f"nothing can be deleted from {self.folder}: {error.strerror}") from error
        finally:
            self._store.index.delete(gone)

    def _unlink(self, tracks: Iterable[Track], gone: set[str]) -> None:
        for track in tracks:
            # The audio makes a track: what is left without it belongs to none, and the next broker sweeps it.
            for suffix in ("json", str(track.format), TOKENS):
                (self.folder / f"{track.track_id}.{suffix}").unlink(missing_ok=True)
            gone.add(track.track_id)
        sync_folder(self.folder)

    def sweep_spool(self) -> None:
        """Delete what attempts of an earlier broker left; their jobs run again from their seeds."""
        for path in self._spool.iterdir():
            _drop(path)

    def discard_attempt(self, track_id: str, attempt: int) -> None:
        """Delete the spool files of an attempt that nobody waits for any more."""
        for path in self._spool.glob(f"{glob.escape(track_id)}.{attempt}.*"):
            _drop(path)

    def growing(self, job: Job) -> Path | None:
        """The file that the audio of a generating job grows in; None before its first audio."""
        path = self._spool / f"{job.track_id}.{job.attempt}.growing.wav"
        return path if job.state is JobState.GENERATING and path.exists() else None

    def tokens_file(self, track_id: str) -> Path:
        """Where a track's tokens lie, if they are kept."""
        return self.folder / f"{track_id}.{TOKENS}"

    def has_tokens(self, track: Track) -> bool:
        """Whether the tokens that were kept with it lie there, to the byte: an hour's are 1.5 MB."""
        if track.tokens_sha256 is None:
            return False
        try:
            return _is_told(self.tokens_file(track.track_id), track.tokens_bytes, track.tokens_sha256)
        except OSError:  # deleted, or on a disk that is away
            return False


def track_of(job: Job, **known: Any) -> Track:
    """The track that a job is, or is to become: its spec and what else is known."""
    spec = {name: getattr(job.spec, name) for name in JobSpec.__struct_fields__}
    return Track(track_id=job.track_id, radio=job.radio, **spec, **known)


def write_metadata(folder: Path, track: Track) -> Path:
    """Write what is known of a track beside its file, and sync it. Raises OSError."""
    path = folder / f"{track.track_id}.json"
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(track)))
            file.flush()
            os.fsync(file.fileno())
        return part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _as_long_as_asked(spec: JobSpec, done: Done) -> bool:
    """A loop has whole bars, and of a segment the codec may keep a little back for the next one."""
    if spec.loop or spec.segment:
        return done.samples > 0
    return done.samples == spec.duration_sec * done.sample_rate


def _is_told(source: Path, size: int | None, sha256: str) -> bool:
    """Whether the file is, to the byte, the one that its worker tells of."""
    found = source.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != size:
        return False
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _drop(path: Path) -> None:
    """Delete a file. One that stays does no harm: its name is that of an attempt that is over."""
    try:
        if not path.is_dir():
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning(fields("leftover_stays", file=path, reason=error.strerror))
