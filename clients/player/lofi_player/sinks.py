"""Where frames go: a sound device, miniaudio's null device, or a file."""

from __future__ import annotations

from typing import Protocol

from lofi_player.device_sink import DeviceSink
from lofi_player.file_sink import FileSink
from lofi_player.sound import Frames


class Sink(Protocol):
    sample_rate: int
    device: str | None
    """The name of the device that was asked for and is used; None: the default one."""

    @property
    def paced(self) -> bool:
        """Frames are heard as time passes: where none come there is silence."""

    def room(self) -> int:
        """Frames that should be written now; below 0, so many too much were written."""

    def write(self, block: Frames) -> None:
        """Never waits. Where there is room for a frame, or for none, a ramp's length may be written."""

    def pending(self) -> int:
        """Frames that were written and are not heard yet."""

    def flow(self, on: bool) -> None:
        """Whether more is coming; from now on silence is a fault, or none."""

    def begun(self) -> bool:
        """Whether the device has taken sound for a while since it was opened."""

    def lost(self) -> bool:
        """Whether the device is known to be gone."""

    def rest(self) -> None:
        """Leave the device to itself; nothing is coming for a while."""

    def wake(self, device: str | None) -> bool:
        """Be ready for frames again, at this device or, when it is not there, at the default one.

        True: it was opened. Raises AudioDeviceError.
        """

    def change(self, device: str | None) -> None:
        """If a device is open, go over to this one, once what was written is heard.

        Raises AudioDeviceError when there is none of that name, and nothing has changed.
        """

    def fall_back(self) -> None:
        """Leave the device, which is gone, for the default one; what it has not taken is heard there.

        Raises AudioDeviceError.
        """

    def close(self) -> None:
        """Once what was written is heard."""


def open_sink(setting: str, sample_rate: int, device: str | None) -> Sink:
    """setting: `player.device`. device: one that was chosen since. Raises AudioDeviceError."""
    for prefix, paced in (("file:", False), ("paced-file:", True)):
        if setting.startswith(prefix):
            return FileSink(setting.removeprefix(prefix), sample_rate, paced=paced)
    return DeviceSink(sample_rate, null=setting == "null", device=device)
