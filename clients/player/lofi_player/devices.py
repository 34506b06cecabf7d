"""`python -m lofi_player.devices`: where sound can go, as one JSON object on stdout.

A process of its own: sound libraries print, take long, and may end the process that asks them.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from lofi_common.errors import AudioDeviceError, ErrorInfo
from lofi_player.sinks import open_device, told_by_libraries

_SAMPLE_RATE = 32_000


class Device(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    default: bool


class Devices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The devices of the sound system that would be used; where there is none, the error of `play`."""

    devices: list[Device]
    backend: str | None = None
    error: ErrorInfo | None = None


def find_devices(*, null: bool = False) -> Devices:
    """Opens the default device and closes it again: one that is listed may still not be there."""
    import miniaudio

    try:
        device = open_device(_SAMPLE_RATE, null=null)
    except AudioDeviceError as error:
        return Devices(devices=[], error=error.info())
    backend = device.backend
    device.close()
    kind = next(each for each in miniaudio.Backend if each.name == backend.upper())
    with told_by_libraries():
        return Devices(devices=_listed(kind), backend=backend)


def _listed(backend: Any) -> list[Device]:
    """miniaudio's own list leaves out which is the default one."""
    import miniaudio

    ffi, lib = miniaudio.ffi, miniaudio.lib
    found = miniaudio.Devices([backend])
    infos, count = ffi.new("ma_device_info**"), ffi.new("ma_uint32*")
    if lib.ma_context_get_devices(found._context, infos, count, ffi.NULL, ffi.NULL) != lib.MA_SUCCESS:
        return []
    listed = [infos[0][index] for index in range(count[0])]
    return [
        Device(name=ffi.string(each.name).decode(errors="replace"), default=bool(each.isDefault))
        for each in listed
    ]


def main() -> None:
    stdout = os.dup(1)
    os.dup2(2, 1)
    os.write(stdout, msgspec.json.encode(find_devices()) + b"\n")


if __name__ == "__main__":
    main()
