"""What mixed tracks go through to be heard: volume, limiter, sink; and which part of them is heard now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from lofi_common.errors import AudioDeviceError
from lofi_player.limiter import Limiter
from lofi_player.ramp import Ramp
from lofi_player.sinks import Sink
from lofi_player.sound import Frames

OpenSink = Callable[[int, str | None], Sink]
"""The sink for a sample rate and the device of this name, None: the default one. Raises AudioDeviceError."""

_START_SEC = 5.0
"""A sound server may take two seconds to begin."""
_STALL_SEC = 1.5
"""A device that has begun goes on sooner, or is gone."""


class _Mark(NamedTuple):
    put: int
    """Frames, before it."""
    number: int
    at: int
    """Frame of the track."""


class Outlet:
    def __init__(
        self,
        volume: float,
        open_sink: OpenSink,
        changed: Callable[[str | None], None],
        clock: Callable[[], float],
    ) -> None:
        """changed: sound goes to this device without an order; None: the default one."""
        self._open_sink = open_sink
        self._changed = changed
        self._clock = clock
        self._ramp = Ramp(volume)
        self._sink: Sink | None = None
        self._limiter = Limiter(1)
        self._device: str | None = None
        """The one that was chosen."""
        self._known: str | None = None
        """The one that sound goes to, as was ordered or told."""
        self._marks: deque[_Mark] = deque()
        self._put = 0
        self._given = 0
        """Frames that sinks were given; the limiter has the others."""
        self._moved_at = 0.0
        """When something happened last: the sink took frames, or was not to take any."""
        self._fell_back = False
        """And since then the default device has taken nothing."""

    @property
    def rate(self) -> int:
        """0: no sink was opened yet."""
        return self._sink.sample_rate if self._sink is not None else 0

    @property
    def paced(self) -> bool:
        return self._sink is not None and self._sink.paced

    def ready(self, rate: int) -> None:
        """Have the device open, at this rate. Raises AudioDeviceError."""
        if self._sink is not None and self._sink.sample_rate != rate:
            self.flush()
            self._sink.close()
            self._sink = None
        if self._sink is None:
            self._sink = self._open_sink(rate, self._device)
            self._limiter = Limiter(rate)
            self._opened(self._sink)
        elif self._sink.wake(self._device):
            self._opened(self._sink)

    def wake(self) -> None:
        """Have the device open, at the rate it had. Raises AudioDeviceError."""
        if self._sink is not None:
            self.ready(self._sink.sample_rate)

    def _opened(self, sink: Sink) -> None:
        self._moved_at = self._clock()
        self._fell_back = False
        if sink.device != self._known:
            self._tell(sink)

    def _tell(self, sink: Sink) -> None:
        self._known = sink.device
        self._changed(sink.device)

    def choose(self, device: str | None) -> None:
        """Raises AudioDeviceError when one is open and there is none of that name; nothing has changed then.
        What was put before is heard before, so it should end in silence."""
        if self._sink is not None:
            self._sink.change(device)
            self._moved_at = self._clock()
            self._fell_back = False
        self._device = self._known = device

    # volume

    def head_for(self, volume: float) -> int:
        """In how many frames it is there."""
        return self._ramp.to(volume, self.rate or 1)

    def jump(self, volume: float) -> None:
        self._ramp.jump(volume)

    # frames

    def room(self) -> int:
        """Frames that should be put now; below 0, so many too much were."""
        return self._sink.room() if self._sink is not None else 0

    def put(self, block: Frames, number: int, at: int) -> None:
        """Frames of what begins at frame `at` of this track."""
        assert self._sink is not None
        heard = self._heard()
        while len(self._marks) > 1 and self._marks[1].put <= heard:
            self._marks.popleft()
        self._marks.append(_Mark(self._put, number, at))
        self._put += len(block)
        self._give(self._sink, self._limiter.process(self._ramp.apply(block)))

    def flush(self) -> None:
        """Nothing follows for now."""
        if self._sink is not None:
            self._give(self._sink, self._limiter.flush())
            self._sink.flow(False)

    def _give(self, sink: Sink, block: Frames) -> None:
        if len(block):
            sink.write(block)
            sink.flow(True)
            self._given += len(block)

    def pending(self) -> int:
        return self._sink.pending() if self._sink is not None else 0

    def _heard(self) -> int:
        return self._given - self.pending()

    def position(self, number: int, at: int, *, all_heard: bool) -> int:
        """Frame of the track that is heard now. at: the one that is put next. all_heard: what is on its way
        counts as heard."""
        if all_heard:
            return at
        heard = self._heard()
        marks = [mark for mark in self._marks if mark.number == number]
        past = [mark for mark in marks if mark.put <= heard]
        if past:
            return past[-1].at + heard - past[-1].put
        return marks[0].at if marks else at

    def moved(self, number: int, at: int) -> None:
        """What is put next is another place of the track, after silence; what was put counts no more."""
        self._marks.clear()
        self._marks.append(_Mark(self._put, number, at))

    # the device

    def took(self) -> None:
        self._moved_at = self._clock()

    def check(self) -> None:
        """The device did not take what it should. Raises AudioDeviceError when none takes any sound."""
        sink = self._sink
        assert sink is not None
        begun = sink.begun()
        if begun:
            self._fell_back = False
        limit = _STALL_SEC if begun else _START_SEC
        if not sink.lost() and self._clock() - self._moved_at <= limit:
            return
        if self._fell_back:
            raise AudioDeviceError(f"the sound device has taken no sound for {limit:g} s")
        sink.fall_back()
        self._fell_back = True
        self._moved_at = self._clock()
        self._tell(sink)

    def rest(self) -> None:
        if self._sink is not None:
            self._sink.rest()

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()
