"""Which sound devices there are: asked of a process of its own, since sound libraries hang and crash."""

from __future__ import annotations

import asyncio
import signal

import msgspec

from lofi_broker.process import ChildProcess, python_module
from lofi_common.api_playback import AudioDevice
from lofi_common.errors import AudioDeviceError, ErrorInfo, from_info

_SEC = 10.0
"""A sound server that is just starting takes seconds."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What `lofi_player.devices` prints: the devices, or why there are none."""

    devices: list[AudioDevice]
    backend: str = ""
    error: ErrorInfo | None = None


def how_to_choose(setting: str) -> str:
    """What to do about a name that no device has. setting: `player.device`."""
    if setting:
        return "The setting player.device decides (`lofi config unset player.device && lofi broker stop`)."
    return "Choose one of these (`lofi player devices`)."


async def find_devices() -> Found:
    """The devices of the sound system that would be used. Raises AudioDeviceError when there is none."""
    lines: list[bytes] = []
    try:
        process = await ChildProcess.start("devices", python_module("lofi_player.devices"), lines.append)
    except OSError as error:
        raise AudioDeviceError(f"the devices can't be asked for: {error}") from error
    watch = asyncio.create_task(process.watch())
    try:
        async with asyncio.timeout(_SEC):
            reason = await asyncio.shield(watch)
    except TimeoutError:
        raise AudioDeviceError(f"the sound system did not answer within {_SEC:g} s") from None
    finally:
        if not watch.done():
            process.signal(signal.SIGKILL)
            await watch
    try:
        found = msgspec.json.decode(b"".join(lines), type=Found)
    except msgspec.DecodeError as error:
        raise AudioDeviceError(f"the sound devices can't be listed: {reason}") from error
    if found.error is not None:
        raise from_info(found.error)
    return found
