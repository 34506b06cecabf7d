"""Child processes that answer one question: what would be fetched, and whether a model is whole."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from lofi_broker.process import ChildProcess, Take, python_module
from lofi_common import installs
from lofi_common.api_models import ModelVerifyResult
from lofi_common.config import WorkerConfig
from lofi_common.errors import ErrorInfo, InternalError, ModelDownloadFailed, ModelLoadFailed, from_info
from lofi_common.manifest import read_manifest

_RESOLVE_SEC = 75.0
_TRIES = 3  # somebody waits for the answer
_GRACE_SEC = 1.0
_OF_THE_ENVIRONMENT = re.compile(r"\bHF_[A-Z]+|_PROXY\b")
_KEPT = (
    "The running broker keeps the environment that it was started with: after a change, `lofi broker stop`."
)


async def resolve(
    source: str, models: Path, name: str, precision: str | None, asking: Callable[[installs.Asking], None]
) -> installs.Plan:
    """What installing `source` would fetch, from the catalogue and the Hub's metadata.

    `asking` hears of each try to get these. Raises what the installer answers, InternalError when that can't
    be read, or ModelDownloadFailed when it answers nothing in time.
    """
    answers: list[installs.Plan | installs.Failed] = []
    unreadable: list[Exception] = []
    asked: list[installs.Asking] = []

    def take(line: bytes) -> None:
        try:
            said = installs.decode_line(line)
        except (msgspec.DecodeError, ValueError) as error:
            unreadable.append(error)
            return
        match said:
            case installs.Asking():
                asked.append(said)
                asking(said)
            case installs.Plan() | installs.Failed():
                answers.append(said)

    command = installs.installer_command(
        "resolve", source, models, name=name, precision=precision, tries=_TRIES
    )
    try:
        async with asyncio.timeout(_RESOLVE_SEC):
            reason = await ask(f"resolve-{name}", command, take)
    except TimeoutError:
        who, why = (asked[-1].host, asked[-1].reason) if asked else ("the installer", None)
        raise ModelDownloadFailed(
            f"{who} told nothing about {source} within {_RESOLVE_SEC:g} s", details=why or ""
        ) from None
    if unreadable:
        raise InternalError(f"the installer's answer can't be read: {unreadable[0]}") from unreadable[0]
    match answers[-1:]:
        case [installs.Plan() as plan]:
            return plan
        case [installs.Failed(error=told)]:
            raise from_info(as_told_here(told))
    raise ended_early(f"without an answer: {reason}")


def as_told_here(told: ErrorInfo) -> ErrorInfo:
    """An installer's error for clients: its environment is the broker's, not that of their shell."""
    if not _OF_THE_ENVIRONMENT.search(told.recovery):
        return told
    return msgspec.structs.replace(told, recovery=f"{told.recovery} {_KEPT}")


def ended_early(how: str) -> ModelDownloadFailed:
    """An installer that left without `done` and without `error`. how: what its process ended with."""
    if "killed by SIGKILL" in how:
        recovery = (
            "Something killed it, perhaps the system for want of memory: free some, or take a smaller model,"
            " then ask again."
        )
    else:
        recovery = "The log (`lofi status` names it) may tell why. Ask for the model again."
    return ModelDownloadFailed(f"the installer ended {how}", recovery=recovery)


async def verify(folder: Path, settings: WorkerConfig, threads: int, *, full: bool) -> ModelVerifyResult:
    """Check the files of a model folder; with `full`, load and run it.

    Raises what is wrong with its manifest, or ModelLoadFailed when the child does not survive it.
    """
    read_manifest(folder)
    command = python_module(
        "lofi_worker.verify",
        f"--model={folder}",
        f"--engine={settings.engine}",
        f"--device={settings.device}",
        f"--threads={threads}",
        f"--nice={settings.nice}",
        *(["--spin"] if settings.spin else []),
        *(["--full"] if full else []),
    )
    lines: list[bytes] = []
    reason = await ask(f"verify-{folder.name}", command, lines.append)
    try:
        return msgspec.json.decode(b"".join(lines), type=ModelVerifyResult)
    except (msgspec.DecodeError, ValueError) as error:
        raise ModelLoadFailed(f"{folder.name} could not be checked to its end: {reason}") from error


async def ask(name: str, command: Sequence[str], take: Take) -> str:
    """Run a child to its end, its lines given to `take`; returns how it ended. Stops it when cancelled."""
    try:
        process = await ChildProcess.start(name, command, take)
    except OSError as error:
        return f"it can't be started: {error}"
    watching = asyncio.create_task(process.watch())
    try:
        reason = await asyncio.shield(watching)
    finally:
        await process.stop(_GRACE_SEC)
        await watching
    return reason
