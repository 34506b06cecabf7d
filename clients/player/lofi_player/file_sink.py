"""Frames that go into a WAV file, as fast as they come or as fast as they would be heard."""

from __future__ import annotations

import time
from collections.abc import Callable

import soundfile

from lofi_common.errors import AudioDeviceError
from lofi_player.device_sink import LEAD_SEC
from lofi_player.sound import CHANNELS, Frames

_SET = "Set player.device to the path of a file that may be written, or to something else."


class FileSink:
    """All that would be heard since it was opened, 32-bit float."""

    device: str | None = None

    def __init__(
        self, path: str, sample_rate: int, *, paced: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """paced: it takes frames like a device that plays, silence left out. Raises AudioDeviceError."""
        self.sample_rate = sample_rate
        self.paced = paced
        self._clock = clock
        self._empty_at = clock()
        try:
            self._file = soundfile.SoundFile(path, "w", sample_rate, CHANNELS, subtype="FLOAT", format="WAV")
        except (OSError, soundfile.SoundFileError) as error:
            raise AudioDeviceError(f"no sound can be written to {path}: {error}", recovery=_SET) from error

    def room(self) -> int:
        return round(LEAD_SEC * self.sample_rate) - self.pending()

    def write(self, block: Frames) -> None:
        self._file.write(block)
        if self.paced:
            self._empty_at = max(self._empty_at, self._clock()) + len(block) / self.sample_rate

    def pending(self) -> int:
        return max(0, round((self._empty_at - self._clock()) * self.sample_rate)) if self.paced else 0

    def flow(self, on: bool) -> None:
        pass

    def begun(self) -> bool:
        return True

    def lost(self) -> bool:
        return False

    def rest(self) -> None:
        self._file.flush()

    def wake(self, device: str | None) -> bool:
        return False

    def change(self, device: str | None) -> None:
        if device is not None:
            raise AudioDeviceError(
                f"there is no sound device {device!r}: sound goes into a file", recovery=_SET
            )

    def fall_back(self) -> None:
        raise AudioDeviceError("the file takes no sound any more")

    def close(self) -> None:
        self._file.close()
