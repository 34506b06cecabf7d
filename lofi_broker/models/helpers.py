"""Child processes that answer one question: what would be fetched, and whether a model is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from lofi_broker.process import ChildProcess, python_module
from lofi_common import installs
from lofi_common.api_models import ModelVerifyResult
from lofi_common.config import WorkerConfig
from lofi_common.errors import InternalError, ModelDownloadFailed, ModelLoadFailed, from_info
from lofi_common.manifest import read_manifest

_RESOLVE_SEC = 60.0
_TRIES = 3  # somebody waits for the answer
_GRACE_SEC = 1.0


async def resolve(source: str, models: Path, name: str, precision: str | None) -> installs.Plan:
    """What installing `source` would fetch, from the catalogue and the Hub's metadata.

    Raises what the installer answers, or ModelDownloadFailed when it answers nothing in time.
    """
    command = installs.installer_command(
        "resolve", source, models, name=name, precision=precision, tries=_TRIES
    )
    try:
        async with asyncio.timeout(_RESOLVE_SEC):
            lines, reason = await ask(f"resolve-{name}", command)
    except TimeoutError:
        raise ModelDownloadFailed(f"no answer about {source} within {_RESOLVE_SEC:g} s") from None
    for line in lines:
        try:
            said = installs.decode_line(line)
        except (msgspec.DecodeError, ValueError) as error:
            raise InternalError(f"the installer's answer can't be read: {error}") from error
        match said:
            case installs.Plan():
                return said
            case installs.Failed(error=told):
                raise from_info(told)
    raise ended_early(f"without an answer: {reason}")


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
        *(["--full"] if full else []),
    )
    lines, reason = await ask(f"verify-{folder.name}", command)
    try:
        return msgspec.json.decode(b"".join(lines), type=ModelVerifyResult)
    except (msgspec.DecodeError, ValueError) as error:
        raise ModelLoadFailed(f"{folder.name} could not be checked to its end: {reason}") from error


async def ask(name: str, command: Sequence[str]) -> tuple[list[bytes], str]:
    """Run a child to its end: the lines of its stdout and how it ended. Stops it when cancelled."""
    lines: list[bytes] = []
    try:
        process = await ChildProcess.start(name, command, lines.append)
    except OSError as error:
        return [], f"it can't be started: {error}"
    watching = asyncio.create_task(process.watch())
    try:
        reason = await asyncio.shield(watching)
    finally:
        await process.stop(_GRACE_SEC)
        await watching
    return lines, reason
