"""Tracks as text for people, or as JSON."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from lofi_cli.draw import axis, pen_for, waveform
from lofi_cli.show import counted, printable
from lofi_common import api
from lofi_common.imports import UNKNOWN_MODEL
from lofi_common.units import clock, human_bytes

_MOST_LISTED = 1000
_LABEL = 13
_NARROWEST, _WIDEST = 10, 100


def width_of_output() -> int:
    """Columns for a picture: the terminal's, 100 at the most."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))


def show_tracks(found: api.CacheListResult, *, as_json: bool) -> str:
    if as_json:
        return "\n".join(msgspec.json.encode(track).decode() for track in found.tracks)
    lines = [
        f"{track.track_id}  {track.duration_sec:>3} s  {_origin(track)}  {named(track)}\n{'':18}{track.path}"
        for track in found.tracks
    ]
    if found.total > len(found.tracks):
        lines.append(
            f"… and {found.total - len(found.tracks)} more (--limit {min(found.total, _MOST_LISTED)})"
        )
    return "\n".join(lines)


def _origin(track: api.Track) -> str:
    return f"seed {track.seed}" if _is_ours(track) else "imported"


def _is_ours(track: api.Track) -> bool:
    """Whether a model made it that is known."""
    return track.source == "generated" or track.model_version != UNKNOWN_MODEL


def named(track: api.Track) -> str:
    """Its prompt, a star before it if it is a favourite, its tags behind it."""
    star = "★ " if track.favourite else ""
    tags = f"  [{', '.join(track.tags)}]" if track.tags else ""
    return printable(f"{star}{track.prompt}{tags}")


def track_json(track: api.Track, peaks: Sequence[float], picture: Path | None) -> str:
    """The track's fields, `peaks`, and the path of the `spectrogram` where one was written."""
    extra: dict[str, object] = {"peaks": peaks}
    if picture is not None:
        extra["spectrogram"] = str(picture)
    return msgspec.json.encode(msgspec.to_builtins(track) | extra).decode()


def track_text(track: api.Track, peaks: Sequence[float], picture: Path | None) -> str:
    """All that is known of a track, line by line, and its waveform under it, as high as there is room."""
    facts = [*_facts(track)]
    loudest = max(peaks, default=0.0)
    if loudest:
        facts.append(("loudest", f"{20 * math.log10(loudest):.1f} dB of full scale"))
    if picture is not None:
        facts.append(("spectrogram", str(picture)))
    lines = [_fact(label, value) for label, value in facts]
    if peaks:
        scaled = [peak / loudest if loudest else 0.0 for peak in peaks]
        pen = pen_for(sys.stdout.encoding)
        lines.append("")
        lines += [click.style(row, fg="cyan") for row in waveform(scaled, pen)]
        lines += [click.style(row, dim=True) for row in axis(track.seconds, len(peaks), pen)]
    return "\n".join(lines)


def _fact(label: str, value: str) -> str:
    room = max(30, shutil.get_terminal_size().columns - _LABEL)
    # A word longer than the line, such as a path or a hash, stays whole: it is copied.
    rows = textwrap.wrap(printable(value), room, break_long_words=False, break_on_hyphens=False) or [""]
    indent = "\n" + " " * _LABEL
    return click.style(f"{label:<{_LABEL}}", dim=True) + indent.join(rows)


def _seconds(track: api.Track) -> str:
    """A loop has whole bars instead of what was asked for."""
    if not track.loop or track.samples is None:
        return f"{track.duration_sec} s"
    return f"{track.seconds:.2f} s; {track.duration_sec} s were asked for"


def _facts(track: api.Track) -> Iterator[tuple[str, str]]:
    yield "track", track.track_id
    yield "prompt", track.prompt
    if track.path is None:
        yield "status", str(track.status)
    if track.error is not None:
        yield "error", f"{track.error.message} {track.error.recovery}".strip()
    yield "length", f"{clock(round(track.seconds))} ({_seconds(track)})"
    if _is_ours(track):
        yield "seed", str(track.seed)
        yield "model", track.model_version
        yield (
            "sampling",
            f"temperature {track.temperature:g}, top-k {track.top_k}, top-p {track.top_p:g}, "
            f"guidance {track.guidance_scale:g}",
        )
    yield "format", ", ".join(_format(track))
    if track.created_at is not None:
        yield "made" if track.source == "generated" else "imported", ", ".join(_made(track, track.created_at))
    if track.favourite:
        yield "favourite", "yes: it stays, whatever the limits of the library"
    if track.tags:
        yield "tags", ", ".join(track.tags)
    if track.played_at is not None:
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(track.played_at))
        yield "played", f"{counted(track.plays, 'time')}, the last time {last}"
    if track.sha256 is not None:
        yield "sha256", track.sha256
    if track.path is not None:
        yield "file", track.path


def _format(track: api.Track) -> Iterator[str]:
    yield str(track.format)
    if track.sample_rate is not None:
        yield f"{track.sample_rate} Hz"
    if track.bytes is not None:
        yield human_bytes(track.bytes)


def _made(track: api.Track, created_at: float) -> Iterator[str]:
    yield time.strftime("%Y-%m-%d %H:%M", time.localtime(created_at))
    if track.generation_time_sec:
        faster = track.seconds / track.generation_time_sec
        yield f"in {track.generation_time_sec:.1f} s ({faster:.1f} times as fast as it plays)"
