"""Results as text for people, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lofi_cli.look import coloured, fitted
from lofi_common import api
from lofi_common.api_playback import PlaybackStatus
from lofi_common.units import clock, human_bytes, human_time

_PLAYBACK = {"playing": "playing", "paused": "paused", "waiting": "to play"}
"""What `waiting` means is told of the queue."""
_STATES = {"down": "idle, loads the model for the next track", "disabled": "rests: it died too often"}


def json_line(value: msgspec.Struct | Mapping[str, object]) -> str:
    return msgspec.json.encode(value).decode()


def event_line(name: str, value: msgspec.Struct) -> str:
    """A notification as one line of JSON, its name under "event"."""
    return json_line({"event": name, **msgspec.to_builtins(value)})


def printable(text: str) -> str:
    """On one line, without what a terminal would obey: prompts and models come from elsewhere."""
    return "".join(c if c.isprintable() else " " for c in text)


def counted(number: int, what: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _current(job: api.CurrentJob | None) -> str:
    return f"{job.track_id}  {job.percent} %  {printable(job.prompt)}" if job else "nothing"


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What `lofi status` tells: the broker's status, its library and what it plays."""

    status: api.StatusResult
    library: api.CacheStatsResult
    playback: PlaybackStatus
    playing: api.Track | None
    """Null when nothing plays, or what plays was deleted since."""

    def as_json(self) -> str:
        """The fields of `status`, and `playback` beside them."""
        return json_line({**msgspec.to_builtins(self.status), "playback": msgspec.to_builtins(self.playback)})


def show_status(found: Overview) -> str:
    status, library, broker = found.status, found.library, found.status.broker
    size = f", {human_bytes(library.bytes)}" if library.bytes else ""
    if size and library.max_bytes:
        size += f" of at most {human_bytes(library.max_bytes)}"
    if library.evicted:
        size += f"; {counted(library.evicted, 'track')} deleted to make room since the broker's start"
    lines = [
        f"broker     pid {broker.pid}, version {broker.version}, for {human_time(broker.uptime_sec)}",
        f"model      {printable(status.model)}" + (f" on {status.device}" if status.device else ""),
        f"running    {_current(status.current)}",
        f"waiting    {status.queue_length}",
        f"library    {counted(status.library_tracks, 'track')}{size}",
    ]
    if found.playback.state != "stopped":
        lines.append(f"{_PLAYBACK[found.playback.state]:<10} {_playback(found)}")
    lines += [f"{worker.worker:<10} {_worker(worker)}" for worker in status.workers]
    lines = [fitted(line) for line in lines]
    lines.append(f"log        {broker.log}")
    if broker.warning:
        lines.append(coloured(f"warning    {printable(broker.warning)}", "yellow"))
    return "\n".join(lines)


def _playback(found: Overview) -> str:
    playback = found.playback
    place = f"{playback.index + 1} of {playback.count}, " if playback.count > 1 else ""
    position = f"{place}{clock(playback.position_sec)} of {clock(playback.duration_sec)}"
    prompt = f"  {printable(found.playing.prompt)}" if found.playing else ""
    return f"{playback.track_id}  {position}{prompt}"


def _worker(worker: api.WorkerInfo) -> str:
    line = _STATES.get(worker.state, worker.state)
    if worker.model_version:
        line += f", {printable(worker.model_version)}"
    if worker.device:
        line += f" on {worker.device}"
    if worker.threads is not None:
        line += f", {counted(worker.threads, 'thread')}"
    if worker.slots is not None and worker.slots > 1:
        line += f", {worker.slots} tracks side by side"
    if worker.rss:
        line += f", pid {worker.pid}, {human_bytes(worker.rss)}"
    if worker.reason:
        line += f"; last end: {printable(worker.reason)}"
    return line


def show_queue(queue: api.QueueStatusResult) -> str:
    lines = [f"now  {_current(queue.current)}"]
    lines += [f"{job.position + 1:>3}  {job.track_id}  {printable(job.prompt)}" for job in queue.pending]
    return "\n".join(fitted(line) for line in lines)
