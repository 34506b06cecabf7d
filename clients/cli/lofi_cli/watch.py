"""What a waiting `lofi-submit` shows: a progress bar for people, JSON lines for scripts, the path."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
import msgspec

from lofi_cli import exits
from lofi_common import api

_PHASES = {"loading": "loading the model", "ready": "generating", "unloaded": "restarting"}


class Watcher:
    """Shows a track's way on stderr (terminal only) and its end on stdout."""

    def __init__(self, *, output: Path | None, as_json: bool, quiet: bool) -> None:
        self._json = as_json
        self._output = output
        self._bar: Any = None
        if sys.stderr.isatty() and not quiet:
            self._bar = click.progressbar(
                length=100, file=sys.stderr, bar_template="%(label)-18s [%(bar)s] %(info)s", width=40
            )
        self.exit_code = exits.JOB_FAILED

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_bar()

    def say(self, phase: str, percent: int | None = None) -> None:
        if self._bar is None:
            return
        self._bar.label = phase
        if percent is not None:
            self._bar.update(percent - self._bar.pos)
        self._bar.render_progress()

    def accepted(self, result: api.GenerateResult, *, print_id: bool) -> None:
        self._emit("accepted", result)
        if result.position:
            self.say(f"queued, {result.position} before")
        if print_id:
            self._finish_bar()
            if not self._json:
                print(result.track_id)

    def told(self, event: api.Result) -> None:
        """One notification about the track, or about the model that is to make it."""
        self._emit(api.NAMES[type(event)], event)
        match event:
            case api.ModelStatus(state=state) if state in _PHASES:
                self.say(_PHASES[state])
            case api.GenerationStart():
                self.say("generating")
            case api.GenerationProgress(percent=percent):
                self.say("generating", percent)
            case api.GenerationComplete():
                self._complete(event)
            case api.GenerationError():
                self._finish_bar()
                exits.tell(event.message, event.recovery)
                self.exit_code = exits.code_of(event.code)

    def _complete(self, event: api.GenerationComplete) -> None:
        self.say("done", 100)
        self._finish_bar()
        path = Path(event.path)
        if self._output is not None:
            path = (self._output / path.name if self._output.is_dir() else self._output).absolute()
        for reason in (event.output_errors or {}).values():
            exits.tell(reason, f"The track itself is safe: {event.path}")
            return
        self.exit_code = exits.OK
        if not self._json:
            print(path)

    def _emit(self, name: str, value: msgspec.Struct) -> None:
        if self._json:
            line = {"event": name, **msgspec.to_builtins(value)}
            print(msgspec.json.encode(line).decode(), flush=True)

    def _finish_bar(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
