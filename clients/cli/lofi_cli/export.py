"""What `lofi tracks export` does: a track as a file of one's own, in another format where that is wanted."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_cli.audio import opened, pieces, read, unreadable
from lofi_cli.files import check_target, written
from lofi_cli.id3 import tag
from lofi_cli.shape import NO_CHANGE, Shape, Shaper, shaper_for
from lofi_client.formats import format_of
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, InvalidParams
from lofi_common.imports import UNKNOWN_MODEL
from lofi_common.jobs import AudioFormat

_SUBTYPES = {
    AudioFormat.WAV: "PCM_16",
    AudioFormat.FLAC: "PCM_16",
    AudioFormat.OGG: "VORBIS",
    AudioFormat.MP3: "MPEG_LAYER_III",
}
_EXACT = (AudioFormat.WAV, AudioFormat.FLAC)
"""Formats that give the samples back as they were."""
_BLOCK_FRAMES = 32_000
"""libsndfile's Vorbis encoder overflows its stack on very long writes."""
_COPIED_BYTES = 1 << 20


class Export(NamedTuple):
    """One file that is to be written."""

    track: Track
    path: Path
    format: AudioFormat


def plan(tracks: Sequence[Track], output: str, kind: str | None, *, force: bool) -> list[Export]:
    """Where each track goes: to the file `output`, or into the folder of that name.

    Raises CacheWriteError when one of them can't, InvalidParams when several are meant for one file.
    """
    named = Path(os.path.expanduser(output)).absolute()
    into_folder = os.path.isdir(named) or output.endswith("/")
    if into_folder and not os.path.isdir(named):
        raise CacheWriteError(f"there is no folder {named}", recovery=f"`mkdir -p {named}` makes it.")
    if len(tracks) > 1 and not into_folder:
        raise InvalidParams(
            f"{len(tracks)} tracks can't go to the one file {named}",
            recovery="Name a folder that exists.",
        )
    found = []
    for track in tracks:
        if into_folder:
            format_ = AudioFormat(kind) if kind else track.format
            path = named / f"{track.track_id}.{format_}"
        else:
            format_ = AudioFormat(kind) if kind else _format_of(named, track)
            path = named
        check_target(path, force=force)
        found.append(Export(track, path, format_))
    return found


def _format_of(path: Path, track: Track) -> AudioFormat:
    """The format that a file's name asks for; the track's own where it asks for none.

    Raises InvalidParams for the name of an audio format that is not made.
    """
    asked = format_of(str(path))
    return asked if path.suffix.lower() == f".{asked}" else track.format


def export(
    wanted: Export, licences: Mapping[str, str], *, force: bool, shape: Shape = NO_CHANGE
) -> Shaper | None:
    """Write one file. licences: of the models that are installed, by version. What the shape came to, if any.

    A lossy track that keeps its format and its shape is not encoded again: OGG is copied to the byte, MP3
    gets a tag. Everything else is written anew, piece by piece, with the track's story in it.
    Raises CacheWriteError, InvalidParams, LofiError.
    """
    licence = licences.get(wanted.track.model_version)
    with (
        opened(wanted.track) as source,
        written(wanted.path, force=force) as descriptor,
        open(descriptor, "w+b", buffering=0, closefd=False) as raw,
    ):
        shaper = shaper_for(shape, wanted.track, source) if shape != NO_CHANGE else None
        if wanted.format is AudioFormat.MP3:
            _write_all(raw, tag(wanted.track.prompt, _story(wanted.track, licence)))
        if shaper is None and wanted.format == wanted.track.format and wanted.format not in _EXACT:
            _copy(wanted.track, raw)
        else:
            _convert(source, wanted, licence, raw, shaper)
    return shaper


def _copy(track: Track, raw: io.RawIOBase) -> None:
    assert track.path is not None
    for piece in _blocks(track.path):
        _write_all(raw, piece)


def _blocks(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as reader:
            while piece := reader.read(_COPIED_BYTES):
                yield piece
    except OSError as error:
        raise unreadable(path, str(error.strerror)) from error


def _convert(
    source: soundfile.SoundFile,
    wanted: Export,
    licence: str | None,
    raw: io.RawIOBase,
    shaper: Shaper | None,
) -> None:
    sink = _Sink(raw)
    try:
        with soundfile.SoundFile(
            sink,
            "w",
            source.samplerate,
            source.channels,
            subtype=_SUBTYPES[wanted.format],
            format=wanted.format.upper(),
        ) as file:
            if wanted.format is not AudioFormat.MP3:  # it has its tag already
                file.title = wanted.track.prompt
                file.comment = _story(wanted.track, licence)
                if licence:
                    file.license = licence
            for samples in _samples(source, wanted.format, shaper):
                file.write(samples)
    except soundfile.LibsndfileError as error:  # of the encoder; `read` tells of the source
        raise CacheWriteError(
            f"{wanted.path} can't be written: {error.error_string}", recovery="Choose another --format."
        ) from error
    if sink.error is not None:
        raise sink.error


def _samples(
    source: soundfile.SoundFile, kind: AudioFormat, shaper: Shaper | None
) -> Iterator[NDArray[np.int16] | NDArray[np.float32]]:
    """What is written, in pieces [frames, channels]; whole numbers where both files hold them."""
    # libsndfile 1.2.2 makes noise of whole numbers in two channels that become MP3.
    whole = source.subtype == "PCM_16" and kind is not AudioFormat.MP3
    if whole and shaper is None:
        while len(samples := read(source, _BLOCK_FRAMES, "int16")):
            yield samples
        return
    start = 0
    for piece in pieces(source, _BLOCK_FRAMES):
        shaped = piece if shaper is None else shaper.shaped(piece, start)
        start += len(piece)
        if kind in _EXACT and shaper is not None:
            yield np.clip(np.rint(shaped * 32768), -32768, 32767).astype(np.int16)
        else:
            yield shaped


class _Sink:
    """The rest of a file, as libsndfile wants it.

    Takes all that comes and keeps the first error: libsndfile does not tell of those at a file's end.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._start = raw.tell()
        self.error: OSError | None = None
        self.read = raw.read

    def tell(self) -> int:
        return self._raw.tell() - self._start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            offset += self._start
        return self._raw.seek(offset, whence) - self._start

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                _write_all(self._raw, data)
            except OSError as error:
                self.error = error
        return len(data)


def _write_all(raw: io.RawIOBase, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[raw.write(left) :]


def _story(track: Track, licence: str | None) -> str:
    """All that it takes to make the track again, in one line; nothing where nobody knows who made it."""
    if track.model_version == UNKNOWN_MODEL:
        return ""
    parts = [
        f"seed {track.seed}",
        f"model {track.model_version}",
        f"duration {track.duration_sec} s",
        f"temperature {track.temperature:g}",
        f"top-k {track.top_k}",
        f"top-p {track.top_p:g}",
        f"guidance {track.guidance_scale:g}",
    ]
    return ", ".join([*parts, f"model's licence {licence}"] if licence else parts)
