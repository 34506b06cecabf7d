"""Drivers of the player: its core with a sink that a test empties, and the real process."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray

from lofi_common import player_messages as pm
from lofi_common.errors import AudioDeviceError
from lofi_player.opening import open_for
from lofi_player.player import Player
from lofi_player.sound import CHANNELS, Frames
from lofi_player.source import Source

T = TypeVar("T")

RATE = 32_000
RAMP = 480
"""Frames: 15 ms."""
HELD = 160
"""Frames that the limiter has while more is to come."""

NO_SOUND = {"PULSE_SERVER": "unix:/none", "ALSA_CONFIG_PATH": "/none", "JACK_DEFAULT_SERVER": "none"}
"""The environment of a machine without a sound device (Linux)."""


DEVICES = (None, "left", "right")
"""Of the machine that a MemorySink stands for."""

PACED = """
import sys
if 'lofi_player' in sys.orig_argv:
    import time
    from lofi_player.file_sink import FileSink

    class Pace:
        last, frames, most = time.monotonic(), 0.0, max(0.15, 0.04 * {speed})

    def room(self):
        now = time.monotonic()
        more = {speed} * (now - Pace.last) * self.sample_rate
        Pace.last, Pace.frames = now, min(Pace.frames + more, Pace.most * self.sample_rate)
        return round(Pace.frames)

    def write(self, block, write=FileSink.write):
        Pace.frames -= len(block)
        write(self, block)

    FileSink.room, FileSink.write = room, write
"""
"""A file sink otherwise takes sound as fast as it comes, and whatever makes it is late."""


class MemorySink:
    """Keeps what it gets. It has room for `limit` frames beyond those that were `heard`."""

    def __init__(self, sample_rate: int, limit: int = 10**9, device: str | None = None) -> None:
        self.sample_rate = sample_rate
        self.device = device
        self.paced = True
        self.fallen = 0
        self.gone = False
        """No device is there to fall back on."""
        self.limit = limit
        self.blocks: list[Frames] = []
        self.written = 0
        self.heard: int | None = None
        """None: all that was written."""
        self.resting = False
        self.flowing = False
        self.closed = False

    def room(self) -> int:
        return self.limit - self.pending()

    def write(self, block: Frames) -> None:
        assert not self.closed and not self.resting
        self.blocks.append(block)
        self.written += len(block)

    def pending(self) -> int:
        return 0 if self.heard is None else self.written - self.heard

    def flow(self, on: bool) -> None:
        self.flowing = on

    def begun(self) -> bool:
        return bool(self.heard)

    def lost(self) -> bool:
        return False

    def rest(self) -> None:
        self.resting = True

    def wake(self, device: str | None) -> bool:
        woken, self.resting = self.resting, False
        return woken

    def change(self, device: str | None) -> None:
        if device not in DEVICES:
            raise AudioDeviceError(f"no {device}")
        self.device = device

    def fall_back(self) -> None:
        if self.gone:
            raise AudioDeviceError("none is left")
        self.fallen += 1
        self.device = None

    def close(self) -> None:
        self.closed = True

    def sound(self) -> Frames:
        return np.concatenate([np.zeros((0, CHANNELS), np.float32), *self.blocks])


class Desk:
    """The player's core, ordered about by plain calls."""

    def __init__(self, volume: float = 1.0, limit: int = 10**9, paced: bool = True) -> None:
        self.now = 0.0
        self.sinks: list[MemorySink] = []
        self.reports: list[pm.Report] = []
        self._limit = limit
        self._paced = paced
        self._orders = itertools.count(1)
        self.player = Player(volume, self._open, self.reports.append, lambda: self.now)

    def _open(self, sample_rate: int, device: str | None) -> MemorySink:
        self.sinks.append(MemorySink(sample_rate, self._limit, device if device in DEVICES else None))
        self.sink.paced = self._paced
        return self.sinks[-1]

    @property
    def sink(self) -> MemorySink:
        return self.sinks[-1]

    def order(self, kind: Callable[..., pm.Order], path: Path | None = None, **params: object) -> pm.Answer:
        if path is not None:
            params["path"] = str(path)
        order = kind(order=next(self._orders), **params)
        self.player.obey(order, open_for(order))
        answer = self.reports.pop()
        assert isinstance(answer, pm.Answer) and answer.order == order.order
        return answer

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.player.step()

    def to_the_end(self) -> None:
        """Until nothing is left to do."""
        for _ in range(10_000):
            self.now += 0.001
            if self.player.step() is None:
                return
            if not self.said(pm.Started)[len(self.said(pm.Ended)) :]:
                return
        raise AssertionError("the player does not come to an end")

    def said(self, kind: type[T]) -> list[T]:
        return [report for report in self.reports if isinstance(report, kind)]


def sine(seconds: float, hertz: float = 440.0, level: float = 0.5, rate: int = RATE) -> NDArray[np.float32]:
    """float32 [samples]."""
    at = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def noise(seconds: float, seed: int) -> NDArray[np.float32]:
    """White, at −20 dBFS; float32 [samples]."""
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def as_heard(path: Path) -> Frames:
    """A whole file, decoded by the player's own decoders."""
    return Source(str(path)).read(10**9)


def write_track(
    path: Path, samples: NDArray[np.float32], rate: int = RATE, subtype: str | None = None
) -> Path:
    """The format follows the name."""
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


class Growing:
    """A WAV file that a test lets grow."""

    def __init__(self, path: Path, whole: NDArray[np.float32], channels: int = 1) -> None:
        self.path = path
        self.pcm = np.round(whole * 32767).astype("<i2")
        self.written = 0
        size = self.pcm.nbytes
        frame = 2 * channels
        format = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE, RATE * frame, frame, 16)
        path.write_bytes(
            struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + format + struct.pack("<4sI", b"data", size)
        )

    def grow(self, frames: int) -> None:
        self.grow_bytes(frames * self.pcm[:1].nbytes)

    def grow_bytes(self, count: int) -> None:
        data = self.pcm.tobytes()
        there = self.path.stat().st_size - 44
        with self.path.open("ab") as file:
            file.write(data[there : there + count])
        self.written = min(len(data), there + count) // self.pcm[:1].nbytes

    def heard(self) -> NDArray[np.float32]:
        """What it is when it is whole; float32 [frames, 2]."""
        samples = self.pcm.reshape(len(self.pcm), -1).astype(np.float32) / np.float32(32768)
        return np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples
