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
        self._before_sec = 0.0
        """Of a stream: the pieces that were heard before this one."""
        self._piece_sec = 0.0
        self._named = ""
        """Where no line lives: what was told last to be heard."""
        self._said: str | None = None
        """What was told to be wrong, and may still be."""
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
            case PlaybackStarted():
                self._began(event)
            case PlaybackPosition():
                self._moved(event)
                if self._wanted:
                    self._status = ask()
                    self._show()
        return False

    @property
    def number(self) -> int | None:
        """Of the radio that is followed."""
        return self._status.number if self._status is not None else None

    @property
    def _streams(self) -> bool:
        return self._status is not None and self._status.mode == "stream"

    def _began(self, event: PlaybackStarted) -> None:
        """A piece is heard: without a line that lives it gets one; segments of one prompt share it."""
        self._before_sec += self._piece_sec
        self._piece_sec = event.duration_sec
        if self._wanted or self._json:
            return
        words = f"♪ {printable(event.prompt)}" + ("" if self._streams else f"  {event.track_id}")
        if words != self._named or not self._streams:
            print(words, file=sys.stderr, flush=True)
        self._named = words

    def _moved(self, event: PlaybackPosition) -> None:
        if self._streams:
            self._times = clock(self._before_sec + event.position_sec)
        else:
            self._times = f"{clock(event.position_sec)} / {clock(event.duration_sec)}"

    def _changed(self, status: RadioStatus) -> bool:
        own, told = self.number or 0, status.number or 0
        if told != own:
            if told > own:
                self.end_line()
                exits.tell(f"replaced by another radio: {status.prompt}")
            return told > own
        before, self._status = self._status, status
        if before is None or (status.prompt, status.mode) != (before.prompt, before.mode):
            self.end_line()
        match status.state:
            case "off":
                self.end_line()
                exits.tell("the radio has ended" + (f": {status.message}" if status.message else ""))
                return True
            case "failed":
                self.end_line()
                self.exit_code = fail_radio(status, told=status.message == self._said)
                return True
        if status.message is not None and status.message != self._said:
            self.end_line()
            exits.tell(status.message)
            self._said = status.message
        elif status.message is None and status.state == "playing":
            self._said = None
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
            doing = "making the first music" if status.message is None else "trying again"
            return f"♪ {doing}: {prompt}"
        held = "paused: " if status.state == "paused" else ""
        ahead = f"{status.ahead_sec:.0f} s ahead"
        coming = f"  then: {printable(status.next_prompt)}" if status.next_prompt else ""
        polite = f"  ({_brief(status.polite)})" if status.polite else ""
        return f"♪ {self._times}  {ahead}  {held}{prompt}{coming}{polite}"

    def end_line(self) -> None:
        """Leave what the line says now on the terminal."""
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False


def _brief(polite: str) -> str:
    """Why it stands back, in a word or two: `--status` has the figures."""
    return "busy" if "busy" in polite else polite.partition(",")[0]


def fail_radio(status: RadioStatus, *, told: bool = False) -> int:
    """Tell that it has failed, and why unless that was told; the exit code."""
    why = "" if told and status.message else f": {status.message or 'no reason is known'}"
    return exits.fail("RADIO_FAILED", f"the radio has failed{why}", status.recovery or "")


def radio_line(status: RadioStatus, *, as_json: bool) -> str:
    """How the radio stands, for people or as JSON."""
    if as_json:
        return msgspec.json.encode(status).decode()
    if status.state == "off":
        return "the radio is off"
    words = [f"{status.state} ({status.mode}): {printable(status.prompt)}"]
    if status.next_prompt is not None:
        words.append(f"then: {printable(status.next_prompt)}")
    if status.state != "starting":
        words.append(f"{status.ahead_sec:.0f} s ahead")
    words += [printable(word) for word in (status.polite, status.message) if word is not None]
    return ", ".join(words)
