"""What a waiting `lofi player play` shows: a bar for people, JSON lines for scripts."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import Any, Self

import click
import msgspec

from lofi_cli import exits
from lofi_cli.bar import bar_wanted
from lofi_cli.look import cut
from lofi_cli.show import counted, event_line, printable
from lofi_common import api
from lofi_common import api_playback as kinds
from lofi_common.units import clock

_HELD = {kinds.PlaybackPaused: "paused: ", kinds.PlaybackWaiting: "waiting: "}
_LONGEST_BAR = 30
_BESIDES = 6
"""Columns of the brackets and blanks; the last of the terminal stays free."""


class PlaybackWatcher:
    """Follows the list that this command has begun, from its first status to its end."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._bar: Any = None
        self._wanted = bar_wanted(as_json=as_json)
        self._track_id = self._prompt = self._place = ""
        self.exit_code = exits.OK

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish_bar()

    def begun(self, status: kinds.PlaybackStatus, prompt: str) -> None:
        """What the answer to `play` told: the first track of the list plays."""
        if self._json:
            print(event_line("accepted", status), flush=True)
        self._begin(status.track_id or "", prompt, status.index, status.count)
        held = _HELD[kinds.PlaybackWaiting] if status.state == "waiting" else ""
        if not held:
            self._name()
        self._show(status.position_sec, status.duration_sec, held)

    def told(self, event: api.Result) -> bool:
        """One notification of the broker; whether the list is over that this command has begun."""
        if self._json and type(event) in kinds.NOTIFICATIONS.values():
            print(event_line(api.NAMES[type(event)], event), flush=True)
        match event:
            case kinds.PlaybackStarted():
                self._begin(event.track_id, event.prompt, event.index, event.count)
                self._name()
                self._show(0.0, event.duration_sec)
            case kinds.PlaybackWaiting() if event.track_id != self._track_id:
                self._begin(event.track_id, "")
                self._show(0.0, event.duration_sec, _HELD[kinds.PlaybackWaiting])
            case kinds.PlaybackPosition():
                held = _HELD.get(type(event), "")
                self._show(event.position_sec, event.duration_sec, held)
            case kinds.PlaybackEnded():
                return self._ended(event)
        return False

    def _ended(self, event: kinds.PlaybackEnded) -> bool:
        match event.reason:
            case "failed":
                self.finish_bar()
                why = event.message or "no reason is known"
                self.exit_code = exits.fail(
                    "PLAYBACK_FAILED", f"track {event.track_id} can't be played: {why}"
                )
            case "stopped":
                self.finish_bar()
                exits.tell("stopped")
                return True
            case "replaced":
                return self._others_play()
            case "finished" | "skipped":
                self.finish_bar()
        return False

    def _others_play(self) -> bool:
        self.finish_bar()
        exits.tell("something else is played now")
        return True

    def _begin(self, track_id: str, prompt: str, index: int = 0, count: int = 1) -> None:
        self.finish_bar()
        self._track_id = track_id
        self._place = f"{index + 1}/{count} " if count > 1 else ""
        self._prompt = printable(prompt)

    def _name(self) -> None:
        """Tell what is heard now, where no bar does."""
        if not (self._wanted or self._json):
            print(f"♪ {self._place}{self._prompt}  {self._track_id}", file=sys.stderr, flush=True)

    def _show(self, position_sec: float, duration_sec: float, held: str = "") -> None:
        if not self._wanted:
            return
        times = f"{clock(position_sec)} / {clock(duration_sec)}"
        columns = shutil.get_terminal_size().columns
        room = columns - len(self._place) - len(times) - _BESIDES
        width = max(1, min(_LONGEST_BAR, columns // 3, room))
        # A line that wraps can't be drawn anew.
        words = cut(held + self._prompt, room - width) if room > width else ""
        if self._bar is None:
            self._bar = click.progressbar(
                length=max(1, round(duration_sec * 10)),
                label=words,
                file=sys.stderr,
                bar_template=f"{self._place}[%(bar)s] %(info)s  %(label)s",
                width=width,
                show_eta=False,
                show_percent=False,
                item_show_func=lambda text: text or times,
            )
            self._bar.__enter__()
        self._bar.label = words
        self._bar.current_item = times
        self._bar.update(round(position_sec * 10) - self._bar.pos, times)
        self._bar.render_progress()

    def finish_bar(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def status_line(status: kinds.PlaybackStatus, *, as_json: bool) -> str:
    """What plays, for people or as JSON."""
    if as_json:
        return msgspec.json.encode(status).decode()
    again = "" if status.loop == "off" else f", the {status.loop} again and again"
    if status.track_id is None:
        wait = f", {counted(status.count, 'track')} wait{'s' * (status.count == 1)}" if status.count else ""
        return f"nothing plays{wait}{again}, volume {status.volume:g}"
    where = (f", {status.index + 1} of {status.count}" if status.count > 1 else "") + again
    times = f"{clock(status.position_sec)} of {clock(status.duration_sec)}"
    then = "; the next piece is being made" if status.skipping else ""
    return f"{status.state} {status.track_id}{where}, at {times}, volume {status.volume:g}{then}"
