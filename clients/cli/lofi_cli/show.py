"""Results as text for people, or as JSON."""

from __future__ import annotations

import msgspec

from lofi_common import api

_STATES = {"down": "idle, loads the model for the next track", "disabled": "rests: it died too often"}


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def event_line(name: str, value: msgspec.Struct) -> str:
    """A notification as one line of JSON, its name under "event"."""
    return msgspec.json.encode({"event": name, **msgspec.to_builtins(value)}).decode()


def printable(text: str) -> str:
    """On one line, without what a terminal would obey: prompts and models come from elsewhere."""
    return "".join(c if c.isprintable() else " " for c in text)


def counted(number: int, what: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _current(job: api.CurrentJob | None) -> str:
    return f"{job.track_id}  {job.percent} %  {printable(job.prompt)}" if job else "nothing"


def show_status(status: api.StatusResult, *, as_json: bool) -> str:
    if as_json:
        return _json(status)
    broker = status.broker
    lines = [
        f"broker     pid {broker.pid}, version {broker.version}, for {broker.uptime_sec:.0f} s",
        f"model      {status.model}" + (f" on {status.device}" if status.device else ""),
        f"running    {_current(status.current)}",
        f"waiting    {status.queue_length}",
        f"library    {status.library_tracks} tracks",
        f"log        {broker.log}",
    ]
    if broker.warning:
        lines.append(f"warning    {printable(broker.warning)}")
    for worker in status.workers:
        line = f"{worker.worker:<10} {_STATES.get(worker.state, worker.state)}"
        if worker.model_version:
            line += f", {printable(worker.model_version)}"
        if worker.device:
            line += f" on {worker.device}"
        if worker.threads is not None:
            line += f", {counted(worker.threads, 'thread')}"
        if worker.rss:
            line += f", pid {worker.pid}, {worker.rss / 1e6:.0f} MB"
        if worker.reason:
            line += f"; last end: {worker.reason}"
        lines.append(line)
    return "\n".join(lines)


def show_queue(queue: api.QueueStatusResult, *, as_json: bool) -> str:
    if as_json:
        return _json(queue)
    lines = [f"now  {_current(queue.current)}"]
    lines += [f"{job.position:>3}  {job.track_id}  {printable(job.prompt)}" for job in queue.pending]
    return "\n".join(lines)
