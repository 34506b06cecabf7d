"""Whether the library's files are what they were when they were written, and what is done about those that
are not."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from lofi_broker.library import TOKENS, Library, write_metadata
from lofi_broker.store import Store
from lofi_common.api_library import Problem, ProblemKind, Track, VerifyResult
from lofi_common.errors import CacheWriteError, InvalidTrackId
from lofi_common.jobs import AudioFormat

_ORDINARY = re.compile(rf"([0-9a-f]{{16}})\.(json|{TOKENS}|{'|'.join(AudioFormat)})")
"""Names of files as the library gives them; all others are somebody else's."""


class Inspection:
    """One check at a time; the library goes on meanwhile."""

    def __init__(self, library: Library, store: Store) -> None:
        self._library = library
        self._store = store
        self._turn = asyncio.Lock()

    async def tracks(self, track_ids: Sequence[str], *, repair: bool) -> VerifyResult:
        """Read all files of these tracks and compare them with what was written; with `repair`, see to what
        is wrong. Raises InvalidTrackId, CacheWriteError."""
        async with self._turn:
            tracks = [self._known(track_id) for track_id in track_ids]
            problems = await asyncio.to_thread(self._check, tracks)
            # What was deleted or evicted while it was read has no problem.
            problems = [each for each in problems if each.track_id and self._store.index.track(each.track_id)]
            if repair:
                problems = [await self._repaired(each) for each in problems]
            size = sum((track.bytes or 0) + (track.tokens_bytes or 0) for track in tracks)
            return VerifyResult(tracks=len(tracks), bytes=size, problems=problems)

    async def folder(self, busy: Iterable[str], *, repair: bool) -> VerifyResult:
        """What is left over in the library's folder: no file is read. busy: ids of jobs whose files may be on
        their way. With `repair`, left-over metadata and tokens are deleted, music never is.

        Raises CacheWriteError.
        """
        async with self._turn:
            tracks = self._store.index.every()
            try:
                problems = await asyncio.to_thread(self._orphans, tracks, {*busy})
            except OSError as error:
                raise CacheWriteError(f"{self._library.folder} can't be read: {error.strerror}") from error
            newer = {name for track in self._store.index.every() for name in _names(track)}
            problems = [problem for problem in problems if problem.file not in newer]
            if repair:
                problems = [await self._swept(each) for each in problems]
            number, size = self._library.stats()
            return VerifyResult(tracks=number, bytes=size, problems=problems)

    def _known(self, track_id: str) -> Track:
        track = self._store.index.track(track_id)
        if track is None:
            raise InvalidTrackId(f"the library has no track {track_id}")
        return track

    def _check(self, tracks: Iterable[Track]) -> list[Problem]:
        return [problem for track in tracks for problem in check_track(self._library.folder, track)]

    def _orphans(self, tracks: Iterable[Track], busy: set[str]) -> list[Problem]:
        names = {name for track in tracks for name in _names(track)}
        found = []
        with os.scandir(self._library.folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                ours = _ORDINARY.fullmatch(entry.name)
                if ours and entry.name not in names and ours[1] not in busy:
                    found.append(_problem(ours[1], entry.name, "orphan", "it belongs to no track"))
        return found

    async def _repaired(self, problem: Problem) -> Problem:
        """What is left of a problem of a track. Raises CacheWriteError."""
        async with self._library.changing:
            track = self._store.index.track(problem.track_id or "")
            if track is None or problem.what == "unreadable":
                return problem
            try:
                await asyncio.to_thread(self._mend, track, problem)
            except OSError as error:
                raise CacheWriteError(f"{problem.file} can't be repaired: {error.strerror}") from error
            if problem.file.endswith(f".{track.format}"):
                self._store.index.delete([track.track_id])
            elif problem.file.endswith(f".{TOKENS}"):
                self._store.index.put_all([_without_tokens(track)])
        return msgspec.structs.replace(problem, repaired=True)

    def _mend(self, track: Track, problem: Problem) -> None:
        folder = self._library.folder
        if problem.file.endswith(".json"):
            write_metadata(folder, track)
        elif problem.file.endswith(f".{TOKENS}"):
            (folder / problem.file).unlink(missing_ok=True)
            write_metadata(folder, _without_tokens(track))
        else:
            for name in _names(track):
                # Of another size it is what its user has made of it.
                if name != problem.file or problem.what != "changed":
                    (folder / name).unlink(missing_ok=True)

    async def _swept(self, problem: Problem) -> Problem:
        if problem.file.endswith((".json", f".{TOKENS}")):
            try:
                await asyncio.to_thread((self._library.folder / problem.file).unlink, missing_ok=True)
            except OSError as error:
                raise CacheWriteError(f"{problem.file} can't be deleted: {error.strerror}") from error
            return msgspec.structs.replace(problem, repaired=True)
        return problem


def check_track(folder: Path, track: Track) -> list[Problem]:
    """What is wrong with the files of a track: its audio first; if that is gone, nothing else counts."""
    name = f"{track.track_id}.{track.format}"
    audio = _compare(folder / name, track.track_id, track.bytes, track.sha256)
    if audio is not None:
        return [audio]
    found = [_check_metadata(folder, track)]
    if track.tokens_sha256 is not None:
        tokens = folder / f"{track.track_id}.{TOKENS}"
        found.append(_compare(tokens, track.track_id, track.tokens_bytes, track.tokens_sha256))
    return [problem for problem in found if problem is not None]


def _compare(path: Path, track_id: str, size: int | None, sha256: str | None) -> Problem | None:
    try:
        with open(path, "rb", opener=_open_ordinary) as file:
            found = os.fstat(file.fileno()).st_size
            if found != size:
                return _problem(track_id, path.name, "changed", f"it has {found} bytes instead of {size}")
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return _problem(track_id, path.name, "damaged", "its bytes are not those that were written")
    except FileNotFoundError:
        return _problem(track_id, path.name, "missing", "it is gone")
    except OSError as error:
        return _problem(track_id, path.name, "unreadable", f"it can't be read: {error.strerror}")
    return None


def _open_ordinary(path: str, flags: int) -> int:
    """A pipe is not waited for, a link not followed. Raises OSError for what is no file."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no file")
    return descriptor


def _check_metadata(folder: Path, track: Track) -> Problem | None:
    name = f"{track.track_id}.json"
    try:
        with open(folder / name, "rb", opener=_open_ordinary) as file:
            found = msgspec.json.decode(file.read(), type=Track)
    except FileNotFoundError:
        return _problem(track.track_id, name, "missing", "it is gone")
    except OSError as error:
        return _problem(track.track_id, name, "unreadable", f"it can't be read: {error.strerror}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _problem(track.track_id, name, "damaged", f"it is no metadata: {error}")
    if msgspec.structs.replace(found, path=None) != track:
        return _problem(track.track_id, name, "damaged", "it does not tell what the index does")
    return None


def _names(track: Track) -> list[str]:
    return [f"{track.track_id}.{suffix}" for suffix in (str(track.format), "json", TOKENS)]


def _without_tokens(track: Track) -> Track:
    return msgspec.structs.replace(track, tokens_sha256=None, tokens_bytes=None)


def _problem(track_id: str, file: str, what: ProblemKind, message: str) -> Problem:
    return Problem(track_id=track_id, file=file, what=what, message=message)
