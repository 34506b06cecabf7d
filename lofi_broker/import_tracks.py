"""Sound files of anybody's become tracks of the library, whole or not at all. A child process reads them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import msgspec

from lofi_broker.eviction import MB, Eviction
from lofi_broker.library import Library
from lofi_broker.models.helpers import ask
from lofi_broker.process import python_module
from lofi_common.api_generate import MAX_PROMPT_CHARS
from lofi_common.api_library import ImportResult, Track
from lofi_common.config import Config
from lofi_common.errors import CacheWriteError, InternalError, InvalidParams, from_info
from lofi_common.imports import IMPORTER, UNKNOWN_MODEL, Answer, Read, Refused, read_story
from lofi_common.jobs import AudioFormat, JobSpec, JobState, track_id

_AT_ONCE = 2
_PATIENCE_SEC = 300.0


class Imports:
    """Takes files in, two at a time."""

    def __init__(self, config: Config, library: Library, eviction: Eviction) -> None:
        self._nice = config.worker.nice
        self._most_bytes = config.cache.max_mb * MB
        self._library = library
        self._eviction = eviction
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def take(self, path: str) -> ImportResult:
        """Copy a file into the library, or name the track that it is there.

        Raises InvalidParams for what is no file or no sound, InvalidDuration, CacheWriteError.
        """
        if not os.path.isabs(path) or "\0" in path:
            raise InvalidParams(f"path: {path!r} is no absolute path")
        copy = self._library.spool_file()
        try:
            async with self._free:
                read = await self._read(path, copy)
                result = await self._adopt(read, copy, Path(path))
        finally:
            await asyncio.to_thread(copy.unlink, missing_ok=True)
        await self._eviction.run()
        return result

    async def _read(self, path: str, copy: Path) -> Read:
        command = python_module(
            IMPORTER,
            f"--file={path}",
            f"--copy={copy}",
            f"--most-bytes={self._most_bytes}",
            f"--nice={self._nice}",
        )
        lines: list[bytes] = []
        try:
            async with asyncio.timeout(_PATIENCE_SEC):
                reason = await ask("import", command, lines.append)
        except TimeoutError:
            raise CacheWriteError(
                f"{path} can't be imported: it could not be read within {_PATIENCE_SEC:g} s",
                recovery="Look whether its disk is there.",
            ) from None
        try:
            answer: Answer = msgspec.json.decode(b"".join(lines), type=Answer)
        except msgspec.DecodeError as error:
            raise InternalError(f"{path} can't be imported: its reader ended with {reason}") from error
        if isinstance(answer, Refused):
            raise from_info(answer.error)
        return answer

    async def _adopt(self, read: Read, copy: Path, path: Path) -> ImportResult:
        told = read_story(read.title, read.comment)
        if (known := self._known(read, told)) is not None:
            return ImportResult(track=known, duplicate=True)
        track = _track(read, told, path)
        return ImportResult(track=await self._library.take_in(track, copy), duplicate=False)

    def _known(self, read: Read, told: JobSpec | None) -> Track | None:
        """The same file, or the track that it was exported from."""
        if (same := self._library.of_file(read.sha256)) is not None or told is None:
            return same
        names = [track_id(msgspec.structs.replace(told, format=kind)) for kind in AudioFormat]
        return next((track for name in names if (track := self._library.find(name)) is not None), None)


def _track(read: Read, told: JobSpec | None, path: Path) -> Track:
    spec = told or JobSpec(
        prompt=_prompt(read.title, path),
        duration_sec=0,
        seed=0,
        model_version=UNKNOWN_MODEL,
        temperature=0.0,
        top_k=0,
        top_p=0.0,
        guidance_scale=0.0,
    )
    return Track(
        track_id=read.sha256[:16],
        status=JobState.COMPLETE,
        prompt=spec.prompt[:MAX_PROMPT_CHARS],
        duration_sec=max(1, round(read.samples / read.sample_rate)),
        seed=spec.seed,
        model_version=spec.model_version,
        temperature=spec.temperature,
        top_k=spec.top_k,
        top_p=spec.top_p,
        guidance_scale=spec.guidance_scale,
        format=read.format,
        sha256=read.sha256,
        bytes=read.bytes,
        sample_rate=read.sample_rate,
        samples=read.samples,
        peak=read.peak,
        loudness_lufs=read.loudness_lufs,
        bar_sec=read.bar_sec,
        bar_offset_sec=read.bar_offset_sec,
        created_at=time.time(),
        source="imported",
    )


def _prompt(title: str, path: Path) -> str:
    """The file's title, else its name; names may be of any bytes."""
    words = title or path.stem
    words = " ".join(words.encode(errors="replace").decode().split())
    return words[:MAX_PROMPT_CHARS].strip() or "untitled"
