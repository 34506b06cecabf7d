"""Where frames go: a sound device, miniaudio's null device, or a file."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import soundfile

from lofi_common.errors import AudioDeviceError
from lofi_common.logs import fields
from lofi_player.ring import Ring
from lofi_player.source import CHANNELS, Frames

log = logging.getLogger(__name__)

LEAD_SEC = 0.15
"""What is made ahead of what is heard: how late a pause is, and how long this process may be held up."""
_RING_SEC = 1.0
_PERIOD_MS = 20
_LAST_WORDS = 20_000
_LAST_LINES = 20
_PAUSE_SEC = 0.02
_PATIENCE_SEC = 0.3
"""Sound servers take large pieces: only so long without one means that no more is taken."""
_TAIL_SEC = 0.2

_SET = "Set player.device to the path of a file that may be written, or to something else."


class Sink(Protocol):
    sample_rate: int

    def room(self) -> int:
        """Frames that should be written now; below 0, so many too much were written."""

    def write(self, block: Frames) -> None:
        """Never waits. Where there is room for a frame, or for none, a ramp's length may be written."""

    def pending(self) -> int:
        """Frames that were written and are not heard yet."""

    def flow(self, on: bool) -> None:
        """Whether more is coming; from now on silence is a fault, or none."""

    def rest(self) -> None:
        """Leave the device to itself; nothing is coming for a while."""

    def wake(self) -> None:
        """Be ready for frames again. Raises AudioDeviceError."""

    def close(self) -> None:
        """Once what was written is heard."""


class DeviceSink:
    """A device takes frames from a ring, in a thread of miniaudio's."""

    def __init__(self, sample_rate: int, *, null: bool) -> None:
        """null: the device that is none, at the pace of a real one. Raises AudioDeviceError."""
        self.sample_rate = sample_rate
        self._ring = Ring(round(_RING_SEC * sample_rate))
        self._lead = round(LEAD_SEC * sample_rate)
        self._null = null
        self._device: Any = None
        self.wake()

    def room(self) -> int:
        return self._lead - self.pending()

    def write(self, block: Frames) -> None:
        self._ring.write(block)

    def pending(self) -> int:
        return self._ring.written - self._ring.read_frames

    def flow(self, on: bool) -> None:
        self._ring.flowing = on

    def rest(self) -> None:
        """Close it: others may want it, and another one may be the default when sound is wanted again."""
        if self._device is not None:
            self._device.close()
            self._device = None
        if self._ring.missing:
            log.warning(fields("sink_starved", frames=self._ring.missing))
            self._ring.missing = 0

    def wake(self) -> None:
        import miniaudio

        if self._device is not None:
            return
        device = open_device(self.sample_rate, null=self._null)
        frames = _frames_of(self._ring)
        next(frames)
        try:
            device.start(frames)
        except miniaudio.MiniaudioError as error:
            raise AudioDeviceError(f"the sound device can't be started: {error}") from error
        self._device = device
        log.info(fields("sink_opened", backend=device.backend, sample_rate=self.sample_rate))

    def close(self) -> None:
        if self._device is not None:
            self._drain()
        self.rest()

    def _drain(self) -> None:
        """Wait until the device has what was written, or does not go on taking it; then a little longer: at
        its end there is a fade, and what a sound server still has is dropped with the connection."""
        pending, waited = self.pending(), 0.0
        while pending and waited < _PATIENCE_SEC:
            time.sleep(_PAUSE_SEC)
            before, pending = pending, self.pending()
            waited = waited + _PAUSE_SEC if pending == before else 0.0
        if not pending:
            time.sleep(_TAIL_SEC)


class FileSink:
    """A WAV file (32-bit float) of all that would be heard since it was opened, as fast as it comes."""

    def __init__(self, path: str, sample_rate: int) -> None:
        """Raises AudioDeviceError."""
        self.sample_rate = sample_rate
        try:
            self._file = soundfile.SoundFile(path, "w", sample_rate, CHANNELS, subtype="FLOAT", format="WAV")
        except (OSError, soundfile.SoundFileError) as error:
            raise AudioDeviceError(f"no sound can be written to {path}: {error}", recovery=_SET) from error

    def room(self) -> int:
        return round(LEAD_SEC * self.sample_rate)

    def write(self, block: Frames) -> None:
        self._file.write(block)

    def pending(self) -> int:
        return 0

    def flow(self, on: bool) -> None:
        pass

    def rest(self) -> None:
        pass

    def wake(self) -> None:
        pass

    def close(self) -> None:
        self._file.close()


def open_sink(device: str, sample_rate: int) -> Sink:
    """device: the setting `player.device`. Raises AudioDeviceError."""
    if device.startswith("file:"):
        return FileSink(device.removeprefix("file:"), sample_rate)
    return DeviceSink(sample_rate, null=device == "null")


def _frames_of(ring: Ring) -> Generator[Frames, int, None]:
    count = yield ring.read(0)
    while True:
        count = yield ring.read(count)


def open_device(sample_rate: int, *, null: bool) -> Any:
    """The default device of the first sound system that has one. miniaudio itself would fall back on its null
    device, and nobody would learn why nothing is heard. Raises AudioDeviceError."""
    import miniaudio

    backends = [miniaudio.Backend.NULL] if null else real_backends()
    tried = []
    with told_by_libraries() as words:
        for backend in backends:
            try:
                return miniaudio.PlaybackDevice(
                    output_format=miniaudio.SampleFormat.FLOAT32,
                    nchannels=CHANNELS,
                    sample_rate=sample_rate,
                    buffersize_msec=_PERIOD_MS,
                    backends=[backend],
                    app_name="lofi",
                )
            except miniaudio.MiniaudioError as error:
                tried.append(f"{backend.name}: {error}")
    details = "\n".join([*tried, *words])
    raise AudioDeviceError("no sound device can be opened", details=details)


def real_backends() -> list[Any]:
    """The sound systems that this platform may have, in miniaudio's order."""
    import miniaudio

    none = (miniaudio.Backend.NULL, miniaudio.Backend.CUSTOM)
    enabled = miniaudio.get_enabled_backends()
    return [backend for backend in miniaudio.Backend if backend in enabled and backend not in none]


@contextmanager
def told_by_libraries() -> Iterator[list[str]]:
    """What sound libraries print to descriptor 2 within the block: lines, after it, and nowhere else."""
    words: list[str] = []
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield words
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            words += file.read(_LAST_WORDS).decode(errors="replace").splitlines()[:_LAST_LINES]
