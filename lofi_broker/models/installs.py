"""Runs installers: one at a time, the next ones in order. Their lines become notifications."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from lofi_broker.models.helpers import as_told_here, ended_early
from lofi_broker.models.partials import drop_scratch
from lofi_broker.process import ChildProcess
from lofi_common import installs
from lofi_common.api_base import Result
from lofi_common.api_models import DownloadProgress, ModelStatus
from lofi_common.config import WorkerConfig
from lofi_common.errors import (
    ConsentRequired,
    ErrorInfo,
    LofiError,
    ModelNotFound,
    QueueFull,
)
from lofi_common.logs import fields

log = logging.getLogger(__name__)

MAX_WAITING = 4
_GRACE_SEC = 2.0
_ENDS_KEPT = 32
_ENDS = frozenset({"installed", "install_failed", "cancelled"})

Publish = Callable[[str, Result], None]


@dataclass
class Install:
    """One model on its way. `offered`: the plan that somebody said yes to, where one was shown before."""

    name: str
    source: str
    precision: str | None
    offered: installs.Plan | None = None
    progress: DownloadProgress | None = None
    cancelled: bool = False
    outcome: installs.Done | ErrorInfo | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


Agreed = Callable[[Install, installs.Plan], None]
"""Called with the plan before anything is fetched; what it raises ends the installation."""


class Installs:
    """The installations of one broker. `run` is its only task; everything is called on the event loop."""

    def __init__(self, models: Path, settings: WorkerConfig, publish: Publish, agreed: Agreed) -> None:
        """settings: an import runs beside the same user as a worker does."""
        self._models = models
        self._settings = settings
        self._publish = publish
        self._agreed = agreed
        self._waiting: deque[Install] = deque()
        self._current: Install | None = None
        self._process: ChildProcess | None = None
        self._stop = asyncio.Event()
        """Ends the installer that runs."""
        self.ended: deque[ModelStatus] = deque(maxlen=_ENDS_KEPT)
        """The last word about each installation, for those who missed it; the newest last."""
        self._wake = asyncio.Event()

    @property
    def active(self) -> list[Install]:
        """The one that runs, then those that wait."""
        return [*([self._current] if self._current else []), *self._waiting]

    def get(self, name: str) -> Install | None:
        return next((each for each in self.active if each.name == name), None)

    def add(self, install: Install) -> Literal["installing", "queued"]:
        """Start it now or after those before it. Raises QueueFull."""
        if len(self._waiting) >= MAX_WAITING:
            raise QueueFull(
                f"{MAX_WAITING} models wait to be installed already",
                recovery="Wait for one, or cancel one: `lofi models list` shows them.",
            )
        state: Literal["installing", "queued"] = "queued" if self.active else "installing"
        self._waiting.append(install)
        if state == "queued":
            self._tell(install, state)
        self._wake.set()
        return state

    def cancel(self, name: str) -> None:
        """Stop it; what was fetched is kept. Raises ModelNotFound when no such installation is under way."""
        install = self.get(name)
        if install is None:
            raise ModelNotFound(
                f"{name} is not being installed", recovery="`lofi models list` shows what is."
            )
        install.cancelled = True
        if install is self._current:
            self._stop.set()
        else:
            self._waiting.remove(install)
            install.ended.set()
            self._tell(install, "cancelled")

    async def run(self) -> None:
        """Install what is asked for until cancelled."""
        while True:
            self._wake.clear()
            while self._waiting:
                self._current = self._waiting.popleft()
                try:
                    await self._install(self._current)
                finally:
                    self._current.ended.set()
                    self._current = None
            await self._wake.wait()

    async def _install(self, install: Install) -> None:
        self._stop.clear()
        self._tell(install, "installing")
        command = installs.installer_command(
            "install",
            install.source,
            self._models,
            name=install.name,
            precision=install.precision,
            threads=self._settings.threads,
            nice=self._settings.nice,
        )
        try:
            reason = await self._supervise(install, command)
        finally:
            await asyncio.to_thread(drop_scratch, self._models, install.name)
        match install.outcome:
            case installs.Done() as done:
                log.info(fields("model_installed", model=install.name, version=done.model_version))
                self._tell(install, "installed", model_version=done.model_version)
            case _ if install.cancelled:
                self._tell(install, "cancelled")
            case ErrorInfo() as error:
                self._failed(install, error)
            case None:
                self._failed(install, ended_early(f"early: {reason}").info())

    async def _supervise(self, install: Install, command: list[str]) -> str:
        """Run the installer to its end, or stop it when this is cancelled; returns the reason of its end."""
        try:
            process = await ChildProcess.start(
                f"install-{install.name}", command, lambda line: self._take(install, line)
            )
        except OSError as error:
            return f"it can't be started: {error}"
        self._process = process
        watching = asyncio.create_task(process.watch())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await process.stop(_GRACE_SEC)
            reason = await watching
            self._process = None
        return reason

    def _failed(self, install: Install, error: ErrorInfo) -> None:
        log.warning(fields("install_failed", model=install.name, code=error.name, message=error.message))
        self._tell(install, "install_failed", error=error)

    def _take(self, install: Install, line: bytes) -> None:
        """One line of the installer's."""
        try:
            said = installs.decode_line(line)
        except (msgspec.DecodeError, ValueError) as error:
            log.warning(fields("installer_line_dropped", model=install.name, reason=error))
            return
        match said:
            case installs.Asking(host=host, failures=failures, reason=reason):
                self._tell(install, "installing", host=host, failures=failures, reason=reason)
            case installs.Plan():
                self._check(install, said)
            case installs.Download():
                install.progress = DownloadProgress(
                    model=install.name,
                    file_name=said.file_name,
                    bytes_downloaded=said.bytes_downloaded,
                    bytes_total=said.bytes_total,
                    files_completed=said.files_completed,
                    files_total=said.files_total,
                )
                self._publish("download_progress", install.progress)
            case installs.Importing(stage=stage, done=done, total=total):
                self._tell(install, "installing", stage=stage, done=done, total=total)
            case installs.Done() if install.outcome is None:
                install.outcome = said
            case installs.Failed(error=told) if install.outcome is None:
                install.outcome = as_told_here(told)

    def _check(self, install: Install, plan: installs.Plan) -> None:
        """A yes holds for what was shown, and it is on record before the bytes are fetched."""
        try:
            before = install.offered
            if before is not None and (before.repo, before.revision, before.license) != (
                plan.repo,
                plan.revision,
                plan.license,
            ):
                raise ConsentRequired(f"{plan.repo} has changed since it was shown: ask again")
            self._agreed(install, plan)
        except LofiError as error:
            install.outcome = error.info()
            if self._process is not None:
                self._process.signal(signal.SIGKILL)  # at once: not one more byte is agreed to

    def _tell(self, install: Install, state: str, **more: object) -> None:
        told = msgspec.convert({"model": install.name, "state": state, **more}, ModelStatus)
        if state in _ENDS:
            self.ended.append(told)
        self._publish("model_status", told)
