"""Frames that a sound device takes, or miniaudio's null device."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from typing import Any

from lofi_common.errors import AudioDeviceError
from lofi_common.logs import fields
from lofi_player.backends import close_device, is_lost, open_device
from lofi_player.ramp import RAMP_SEC
from lofi_player.ring import Ring
from lofi_player.sound import Frames

log = logging.getLogger(__name__)

LEAD_SEC = 0.12
"""What is made ahead of what the device takes: how long this process may be held up. A pause is so late, and
by the device's own buffers, 0.1 s."""
_RING_SEC = 1.0
_BEGUN_SEC = 0.5
"""A sound server takes the first few buffers at once, and may then wait for seconds."""
_PAUSE_SEC = 0.02
_PATIENCE_SEC = 0.3
"""Sound servers take large pieces: only so long without one means that no more is taken."""
_TAIL_SEC = 0.2


class DeviceSink:
    """A device takes frames from a ring, in a thread of miniaudio's."""

    paced = True

    def __init__(self, sample_rate: int, *, null: bool, device: str | None = None) -> None:
        """null: the devices that are none, at the pace of a real one. Raises AudioDeviceError."""
        self.sample_rate = sample_rate
        self.device: str | None = None
        self._ring = Ring(round(_RING_SEC * sample_rate))
        self._lead = round(LEAD_SEC * sample_rate)
        self._null = null
        self._opened: Any = None
        self._read_before = 0
        self.wake(device)

    def room(self) -> int:
        return self._lead - self.pending()

    def write(self, block: Frames) -> None:
        self._ring.write(block)

    def pending(self) -> int:
        return self._ring.written - self._ring.read_frames

    def flow(self, on: bool) -> None:
        self._ring.flowing = on

    def begun(self) -> bool:
        return self._ring.read_frames - self._read_before >= _BEGUN_SEC * self.sample_rate

    def lost(self) -> bool:
        return self._opened is not None and is_lost(self._opened)

    def wake(self, device: str | None) -> bool:
        if self._opened is not None:
            return False
        if device is not None:
            try:
                self._start(open_device(self.sample_rate, null=self._null, name=device), device)
                return True
            except AudioDeviceError as error:
                log.warning(fields("sink_not_there", device=device, reason=error))
        self._start(open_device(self.sample_rate, null=self._null), None)
        return True

    def change(self, device: str | None) -> None:
        if self._opened is None:
            return
        other = open_device(self.sample_rate, null=self._null, name=device)
        self._drain()
        self.rest()
        self._start(other, device)

    def fall_back(self) -> None:
        self.rest()
        self._ring.fade_in(round(RAMP_SEC * self.sample_rate))
        self._start(open_device(self.sample_rate, null=self._null), None)

    def _start(self, opened: Any, device: str | None) -> None:
        import miniaudio

        frames = _frames_of(self._ring)
        next(frames)
        self._read_before = self._ring.read_frames
        try:
            opened.start(frames)
        except miniaudio.MiniaudioError as error:
            close_device(opened)
            raise AudioDeviceError(f"the sound device can't be started: {error}") from error
        self._opened, self.device = opened, device
        log.info(
            fields("sink_opened", backend=opened.backend, device=device or "", sample_rate=self.sample_rate)
        )

    def rest(self) -> None:
        """Close it: others may want it, and another one may be the default when sound is wanted again."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            close_device(opened)
        if self._ring.missing:
            log.warning(fields("sink_starved", frames=self._ring.missing))
            self._ring.missing = 0

    def close(self) -> None:
        if self._opened is not None:
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


def _frames_of(ring: Ring) -> Generator[Frames, int, None]:
    count = yield ring.read(0)
    while True:
        count = yield ring.read(count)
