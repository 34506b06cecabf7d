"""What a waiting `lofi-submit` shows: a progress bar for people, JSON lines for scripts, the path."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Self

import msgspec

from lofi_cli import exits
from lofi_cli.bar import bar_wanted, close_bar, open_bar
from lofi_cli.show import event_line
from lofi_common import api, api_models
from lofi_common.units import human_time

_PHASES = {"loading": "loading the model", "ready": "generating", "unloaded": "restarting"}

_LABEL_COLUMNS = 18


class Watcher:
    """Shows a track's way on stderr (terminal only) and its end on stdout."""

    def __init__(self, *, output: str | None, as_json: bool, quiet: bool, elsewhere: bool = False) -> None:
        """`elsewhere`: the broker, and with it the track's file, is on another machine."""
        self._json = as_json
        self._output = output
        self._bar: Any = None
        self._quiet = quiet
        self._elsewhere = elsewhere
        self._wanted = bar_wanted(as_json=as_json) and not quiet
        self._warned: set[str] = set()
        self.exit_code = exits.JOB_FAILED

    def __enter__(self) -> Self:
        if self._wanted:
            self._bar = open_bar("starting", _LABEL_COLUMNS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish_bar()

    def say(self, phase: str, percent: int | None = None, eta_sec: float | None = None) -> None:
        if self._bar is None:
            return
        left = f"{human_time(eta_sec)} left" if eta_sec else None
        self._bar.label = phase
        self._bar.current_item = left
        if percent is not None:
            self._bar.update(percent - self._bar.pos, left)
        self._bar.render_progress()

    def accepted(self, result: api.GenerateResult, *, print_id: bool) -> None:
        self._emit("accepted", result)
        if result.position:
            self.say(f"queued, {result.position} before")
        if print_id:
            self.finish_bar()
            if not self._json:
                print(result.track_id)

    def told(self, event: api.Result) -> None:
        """One notification about the track, or about the model that is to make it."""
        self._emit(api.NAMES[type(event)], event)
        match event:
            case api_models.ModelStatus(state=state) if state in _PHASES:
                self.say(_PHASES[state])
            case api.GenerationStart():
                self.say("generating")
            case api.GenerationProgress(percent=percent, eta_sec=eta_sec):
                self.say("generating", percent, eta_sec)
            case api.WorkerRestart(reason=reason) if not self._quiet:
                self._warn(f"the worker ended: {reason}", "The track is made again, unless an error follows.")
            case api.GenerationComplete():
                self._complete(event)
            case api.GenerationError():
                self.finish_bar()
                self.exit_code = exits.fail(event.code, event.message, event.recovery)

    def _complete(self, event: api.GenerationComplete) -> None:
        self.say("done", 100)
        self.finish_bar()
        reason = (event.output_errors or {}).get(self._output or "")
        if reason is not None:
            exits.fail("OUTPUT_NOT_WRITTEN", reason, f"The track itself is safe: {event.path}")
            return
        self.exit_code = exits.OK
        if not self._json:
            print(self._placed(event.path))
        if self._elsewhere and not self._quiet:
            exits.tell("that file lies on the broker's machine: copy it from there")

    def _placed(self, path: str) -> str:
        """Where the user finds the track."""
        if self._output is None:
            return path
        if os.path.isdir(self._output):
            return os.path.join(self._output, os.path.basename(path))
        return self._output

    def _warn(self, message: str, recovery: str) -> None:
        """Said once: a worker that keeps ending for the same reason is no news."""
        if message in self._warned:
            return
        self._warned.add(message)
        if self._bar is not None:
            print(file=sys.stderr)
        exits.tell(message, recovery)

    def _emit(self, name: str, value: msgspec.Struct) -> None:
        if self._json:
            print(event_line(name, value), flush=True)

    def finish_bar(self) -> None:
        if self._bar is not None:
            close_bar(self._bar)
            self._bar = None
