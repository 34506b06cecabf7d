"""A sound file that is taken into the library: what the child process that reads it answers, on one line."""

from __future__ import annotations

import re

import msgspec

from lofi_common.errors import ErrorInfo
from lofi_common.jobs import AudioFormat, JobSpec

IMPORTER = "lofi_worker.import_track"
MOST_SEC = 3600
"""Of a file's sound."""
UNKNOWN_MODEL = "imported"
"""In the place of a track's model version, where none made it or none is told."""

_STORY = re.compile(
    r"seed (?P<seed>\d{1,20}), model (?P<model_version>\S{1,200}), duration (?P<duration_sec>\d{1,5}) s, "
    r"temperature (?P<temperature>[\d.e+-]{1,12}), top-k (?P<top_k>\d{1,6}), "
    r"top-p (?P<top_p>[\d.e+-]{1,12}), guidance (?P<guidance_scale>[\d.e+-]{1,12})(, .*)?"
)


class Read(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="read"):
    """The file was copied into the spool, synced; it is what it says."""

    sha256: str
    bytes: int
    format: AudioFormat
    sample_rate: int
    samples: int
    peak: float
    loudness_lufs: float | None = None
    bar_sec: float | None = None
    bar_offset_sec: float | None = None
    title: str = ""
    comment: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refused"):
    error: ErrorInfo


Answer = Read | Refused


def read_story(title: str, comment: str) -> JobSpec | None:
    """The request that `lofi tracks export` has written into a file; None for other people's words."""
    found = _STORY.fullmatch(comment.strip())
    if found is None or not title:
        return None
    try:
        return msgspec.convert({**found.groupdict(), "prompt": title}, JobSpec, strict=False)
    except msgspec.ValidationError:
        return None
