"""What a waiting `lofi models pull` shows: a bar of the bytes for people, JSON lines for scripts."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import msgspec

from lofi_cli import exits
from lofi_cli.bar import bar_wanted, close_bar, open_bar
from lofi_cli.show import event_line, printable
from lofi_cli.show_models import show_offer
from lofi_common import api
from lofi_common.api_models import DownloadOffer, DownloadProgress, ModelDownloadResult, ModelStatus
from lofi_common.units import human_bytes

_PHASES = {"queued": "waits for another", "installing": "starting"}

_LABEL_COLUMNS = 22


class InstallWatcher:
    """Shows an installation's way on stderr (terminal only) and its end on stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._bar: Any = None
        self._wanted = bar_wanted(as_json=as_json)
        self.exit_code = exits.JOB_FAILED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish_bar()

    def asking(self, status: ModelStatus) -> None:
        """The Hub is asked, or asked again, what there is to agree to. It may take a minute to answer."""
        if not self._wanted:
            return
        words = f"asking {status.host} for {status.model} …"
        if status.failures:
            words = f"{status.reason}; asking again …"
        print(printable(words), file=sys.stderr)

    def offered(self, offer: DownloadOffer) -> None:
        """What a yes is asked for."""
        self._emit("offer", offer)
        if not self._json or sys.stderr.isatty():
            print(show_offer(offer), file=sys.stderr)

    def accepted(self, result: ModelDownloadResult) -> None:
        self._emit("accepted", result)
        if result.state == "installed":
            self._end(f"{result.model} is installed already")
        else:
            self._say(_PHASES[result.state], 0, 0, "")

    def told(self, event: api.Result) -> None:
        """One notification about the model that is being installed."""
        self._emit(api.NAMES[type(event)], event)
        match event:
            case DownloadProgress(bytes_downloaded=here, bytes_total=total):
                bytes_ = f"{human_bytes(here)} of {human_bytes(total)}"
                file = min(event.files_completed + 1, event.files_total)
                self._say(f"file {file} of {event.files_total}", here, total, bytes_)
            case ModelStatus(state="installing", stage=str(stage), done=int(done), total=int(total)):
                self._say(f"import: {printable(stage).replace('_', ' ')}", done, total, "")
            case ModelStatus(state="installing", host=str(host), failures=failures):
                again = " again" if failures else ""
                self._say(_PHASES["installing"], 0, 0, f"asking {printable(host)}{again}")
            case ModelStatus(state="installing" | "queued"):
                self._say(_PHASES[event.state], 0, 0, "")
            case ModelStatus(state="installed"):
                self._end(f"{event.model} is installed; `lofi models use {event.model}` chooses it")
            case ModelStatus(state="cancelled"):
                self.finish_bar()
                self.exit_code = exits.fail(
                    "INSTALLATION_CANCELLED", f"the installation of {event.model} was cancelled"
                )
            case ModelStatus(state="install_failed", error=error) if error is not None:
                self.finish_bar()
                self.exit_code = exits.fail(error.name, error.message, error.recovery)

    def _end(self, text: str) -> None:
        self.finish_bar()
        self.exit_code = exits.OK
        if not self._json:
            print(text)

    def _say(self, phase: str, done: int, total: int, info: str) -> None:
        if not self._wanted:
            return
        percent = 100 * done // total if total else 0
        if self._bar is not None and percent < self._bar.pos:  # a bar that was full draws no more
            self.finish_bar()
        if self._bar is None:
            self._bar = open_bar(phase, _LABEL_COLUMNS)
        self._bar.label = phase[:_LABEL_COLUMNS]
        self._bar.current_item = info
        self._bar.update(percent - self._bar.pos, info)
        self._bar.render_progress()

    def _emit(self, name: str, value: msgspec.Struct) -> None:
        if self._json:
            print(event_line(name, value), flush=True)

    def finish_bar(self) -> None:
        if self._bar is not None:
            close_bar(self._bar)
            self._bar = None
