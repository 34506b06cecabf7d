"""`python -m lofi_player.devices`: where sound can go, as one JSON object on stdout.

A process of its own: sound libraries print, take long, and may end the process that asks them.
"""

from __future__ import annotations

import os

import msgspec

from lofi_common.errors import AudioDeviceError, ErrorInfo
from lofi_player.backends import close_device, listed, open_device, told_by_libraries

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
    close_device(device)
    kind = next(each for each in miniaudio.Backend if each.name == backend.upper())
    with told_by_libraries():
        found = [Device(name=each.name, default=each.default) for each in listed(kind)]
    return Devices(devices=found, backend=backend)


def main() -> None:
    stdout = os.dup(1)
    os.dup2(2, 1)
    os.write(stdout, msgspec.json.encode(find_devices()) + b"\n")


if __name__ == "__main__":
    main()
