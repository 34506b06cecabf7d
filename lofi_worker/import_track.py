"""`python -m lofi_worker.import_track`: copy a sound file into the spool, and tell what it is.

The broker starts it and waits; it leaves when its stdin is closed. One JSON object on stdout.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import os
import queue
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_common.errors import CacheWriteError, InvalidDuration, InvalidParams, LofiError
from lofi_common.imports import MOST_SEC, Answer, Read, Refused
from lofi_common.jobs import AudioFormat
from lofi_worker.bars import BarFinder
from lofi_worker.loudness import Meter
from lofi_worker.orphan import follow_parent

_BLOCK_BYTES = 1 << 20
_BLOCK_FRAMES = 65_536
_RATES = range(8_000, 192_001)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_TEXT_CHARS = 4_000
_PCM = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
# What the player can play, too.
_KINDS = {
    "WAV": (AudioFormat.WAV, _PCM),
    "WAVEX": (AudioFormat.WAV, _PCM),
    "FLAC": (AudioFormat.FLAC, _PCM),
    "OGG": (AudioFormat.OGG, ("VORBIS",)),
    "MP3": (AudioFormat.MP3, ("MPEG_LAYER_III",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="lofi-import-track", description="Started by the broker.")
    parser.add_argument("--file", type=Path, required=True, help="the sound file")
    parser.add_argument("--copy", type=Path, required=True, help="the file to write")
    parser.add_argument("--most-bytes", type=int, required=True, help="the largest file; 0 = any")
    parser.add_argument("--nice", type=int, default=0, help="niceness to take, 0 to 19")
    arguments = parser.parse_args()
    os.nice(arguments.nice)
    follow_parent(queue.SimpleQueue())
    answer: Answer
    try:
        answer = take(arguments.file, arguments.copy, arguments.most_bytes)
    except LofiError as error:
        answer = Refused(error=error.info())
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def take(source: Path, target: Path, most_bytes: int) -> Read:
    """Copy a file and look at the copy: nobody changes that meanwhile. Raises InvalidParams for what is no
    sound, InvalidDuration, CacheWriteError."""
    size, sha256 = _copy(source, target, most_bytes)
    try:
        with soundfile.SoundFile(target) as file:
            kind, subtypes = _KINDS.get(file.format, (AudioFormat.WAV, ()))
            if file.subtype not in subtypes:
                raise _unusable(source, f"it is {file.format}, {file.subtype}")
            if file.samplerate not in _RATES or file.channels > 2:
                raise _unusable(source, f"it has {file.samplerate} Hz and {file.channels} channels")
            rate, samples = file.samplerate, 0
            meter, bars = Meter(rate, file.channels), BarFinder(rate, file.frames)
            for pcm in _pieces(file, source):
                meter.add(pcm)
                bars.add(pcm)
                samples += len(pcm)
            if not samples:
                raise _unusable(source, "it holds no sound")
            bar = bars.bar()
            return Read(
                sha256=sha256,
                bytes=size,
                format=kind,
                sample_rate=file.samplerate,
                samples=samples,
                peak=min(1.0, meter.peak),
                loudness_lufs=meter.integrated(),
                bar_sec=bar.seconds if bar else None,
                bar_offset_sec=bar.offset_sec if bar else None,
                title=_text(file.title),
                comment=_text(file.comment),
            )
    except soundfile.LibsndfileError as error:
        raise _unusable(source, error.error_string) from error


def _unusable(source: Path, reason: str) -> InvalidParams:
    return InvalidParams(
        f"{source} can't be imported: {reason}",
        recovery="WAV, FLAC, OGG (Vorbis) and MP3 files of one or two channels, at 8 to 192 kHz, can be.",
    )


def _pieces(file: soundfile.SoundFile, source: Path) -> Iterator[NDArray[np.float32]]:
    """All of its sound, float32 [samples, channels], as far as it really goes: a header may promise anything.

    Raises InvalidDuration.
    """
    samples = 0
    while len(pcm := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        samples += len(pcm)
        if samples > MOST_SEC * file.samplerate:
            raise InvalidDuration(f"{source} is longer than {MOST_SEC // 60} minutes", recovery="Cut it up.")
        yield np.nan_to_num(pcm, posinf=1.0, neginf=-1.0)


def _text(words: str) -> str:
    """Words of a file, which may be of any kind and length."""
    return words.encode(errors="replace").decode().strip("\0 \t\r\n")[:_TEXT_CHARS]


def _copy(source: Path, target: Path, most_bytes: int) -> tuple[int, str]:
    """(bytes, sha256) of what was copied, synced. Raises InvalidParams, CacheWriteError."""
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise InvalidParams(f"{source} can't be read: {getattr(error, 'strerror', error)}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidParams(f"{source} is no file")
    with open(descriptor, "rb") as reader:
        digest, size = hashlib.sha256(), 0
        try:
            with target.open("xb") as writer:
                while block := reader.read(_BLOCK_BYTES):
                    size += len(block)
                    if most_bytes and size > most_bytes:
                        raise CacheWriteError(
                            f"{source} is larger than all of the library may be",
                            recovery="Raise cache.max_mb: `lofi config set cache.max_mb`.",
                        )
                    digest.update(block)
                    writer.write(block)
                writer.flush()
                os.fsync(writer.fileno())
        except OSError as error:
            advice = "Free some space on that disk." if error.errno in _FULL else None
            raise CacheWriteError(
                f"{source} can't be copied into the library: {error.strerror}", recovery=advice
            ) from error
    return size, digest.hexdigest()


if __name__ == "__main__":
    os.umask(0o077)
    main()
