"""What a waiting `lofi radio` shows: a line that lives, for people, JSON lines for scripts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from lofi_cli import exits
from lofi_cli.bar import bar_wanted
from lofi_cli.look import cut
from lofi_cli.show import event_line, printable
from lofi_common import api
from lofi_common.api_playback import PlaybackEnded, PlaybackPosition, PlaybackStarted
from lofi_common.api_radio import RadioChanged, RadioStatus
from lofi_common.units import clock

_ANEW = "\r\033[K"
_TOLD = (RadioChanged, PlaybackStarted, PlaybackEnded, PlaybackPosition)
"""What scripts get of all that a broker tells."""


class RadioWatcher:
    """Follows the radio that this command has begun, to its end."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._wanted = bar_wanted(as_json=as_json)
        self._open = False
        """Whether the cursor stands in the line that lives."""
        self._status: RadioStatus | None = None
        self._times = ""
        self._message: str | None = None
        self.exit_code = exits.OK

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_line()

    def begun(self, status: RadioStatus) -> None:
        """The answer to `radio_start`."""
        if self._json:
            print(event_line("accepted", status), flush=True)
        self._status = status
        self._show()

    def told(self, event: api.Result, ask: Callable[[], RadioStatus]) -> bool:
        """One notification of the broker; whether the radio is over. ask: how it stands now."""
        if self._json and isinstance(event, _TOLD):
            print(event_line(api.NAMES[type(event)], event), flush=True)
        match event:
            case RadioChanged():
                return self._changed(event)
            case PlaybackPosition():
                self._times = f"{clock(event.position_sec)} / {clock(event.duration_sec)}"
                if self._wanted:
                    self._status = ask()
                    self._show()
        return False

    def _changed(self, status: RadioStatus) -> bool:
        before, self._status = self._status, status
        if before is None or (status.prompt, status.mode) != (before.prompt, before.mode):
            self.end_line()
        if status.message is not None and status.message != self._message and status.state != "failed":
            self.end_line()
            exits.tell(status.message)
        self._message = status.message
        match status.state:
            case "off":
                self.end_line()
                exits.tell("the radio has ended")
                return True
            case "failed":
                self.end_line()
                why = status.message or "no reason is known"
                self.exit_code = exits.fail("RADIO_FAILED", f"the radio has failed: {why}")
                return True
        self._show()
        return False

    def _show(self) -> None:
        if not self._wanted or self._status is None:
            return
        line = cut(self._words(self._status), shutil.get_terminal_size().columns - 1)
        print(f"{_ANEW}{line}", end="", file=sys.stderr, flush=True)
        self._open = True

    def _words(self, status: RadioStatus) -> str:
        prompt = printable(status.prompt)
        if status.state == "starting":
            return f"♪ making the first music: {prompt}"
        held = "paused: " if status.state == "paused" else ""
        ahead = f"{status.ahead_sec:.0f} s ahead"
        coming = f"  then: {printable(status.next_prompt)}" if status.next_prompt else ""
        polite = f"  ({status.polite})" if status.polite else ""
        return f"♪ {self._times}  {ahead}  {held}{prompt}{coming}{polite}"

    def end_line(self) -> None:
        """Leave what the line says now on the terminal."""
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False


def radio_line(status: RadioStatus, *, as_json: bool) -> str:
    """How the radio stands, for people or as JSON."""
    if as_json:
        return msgspec.json.encode(status).decode()
    if status.state == "off":
        return "the radio is off"
    if status.state == "failed":
        return f"the radio has failed: {printable(status.message or 'no reason is known')}"
    words = [f"{status.state} ({status.mode}): {printable(status.prompt)}"]
    if status.next_prompt is not None:
        words.append(f"then: {printable(status.next_prompt)}")
    if status.state != "starting":
        words.append(f"{status.ahead_sec:.0f} s ahead")
    words += [printable(word) for word in (status.polite, status.message) if word is not None]
    return ", ".join(words)
