"""What is heard next: obeys orders, reads tracks and fills the sink. No threads and no waiting in here."""

from __future__ import annotations

import time
from collections.abc import Callable

from lofi_common import player_messages as pm
from lofi_common.errors import AudioDeviceError, LofiError
from lofi_player.ramp import Ramp
from lofi_player.sinks import Sink
from lofi_player.source import Source

_BLOCK_SEC = 0.02
_REPORT_SEC = 1.0
_REST_SEC = 5.0
"""After so long in silence the device is left to itself."""
_STALL_SEC = 5.0
"""A sound server may take two seconds to begin."""


class Track:
    """One file that is played, or comes next."""

    def __init__(self, number: int, source: Source) -> None:
        self.number = number
        self.source = source
        self.written = 0
        """Frames that the sink has."""
        self.over = False
        """All of them are written."""


class Player:
    """`obey` orders as they come; call `step` in between, as often as it says."""

    def __init__(
        self,
        volume: float,
        open_sink: Callable[[int], Sink],
        report: Callable[[pm.Report], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """open_sink: the sink for a sample rate; raises AudioDeviceError."""
        self._volume = volume
        self._open_sink = open_sink
        self._report = report
        self._clock = clock
        self._ramp = Ramp(volume)
        self._sink: Sink | None = None
        self._track: Track | None = None
        self._next: Track | None = None
        self._paused = False
        self._reported_at = 0.0
        self._moved_at = 0.0
        """When something happened last: the sink took frames, or an order came while it had none to take."""

    def obey(self, order: pm.Order, source: Source | LofiError | None = None) -> None:
        """Do what is ordered, and answer. source: the open file of a Play or a Next, or why there is none."""
        if self._track is None or self._paused:
            self._moved_at = self._clock()
        try:
            if isinstance(source, LofiError):
                raise source
            self._do(order, source)
        except LofiError as error:
            if isinstance(source, Source):
                source.close()
            self._report(pm.Answer(order=order.order, error=error.info()))
            return
        self._report(pm.Answer(order=order.order, position_sec=self._position()))

    def _do(self, order: pm.Order, source: Source | None) -> None:
        match order:
            case pm.Play(number=number):
                assert source is not None
                self._play(Track(number, source))
            case pm.Next(number=number):
                assert source is not None
                self._drop_next()
                self._next = Track(number, source)
                if self._track is None:
                    self._go_on()
            case pm.Pause():
                self._fade_out()
                self._paused = True
            case pm.Resume():
                self._resume()
            case pm.Stop():
                self._cut()
            case pm.SetVolume(volume=volume):
                self._volume = volume
                self._head_for(volume)

    def step(self) -> float | None:
        """Give the sink what it has room for. Returns in how many seconds to call it again, at the latest;
        None: an order has to come first. Raises AudioDeviceError when the device takes no sound any more."""
        if self._sink is None:
            return None
        track = self._track
        if track is None or (self._paused and not track.over):
            return self._rest(self._sink)
        self._tell_position(track)
        rate = self._sink.sample_rate
        if track.over:
            if self._sink.pending():
                return self._wait(self._sink)
            self._end(track, "finished")
            return 0.0
        frames = min(self._sink.room(), round(_BLOCK_SEC * rate))
        if frames < round(_BLOCK_SEC * rate):
            return self._wait(self._sink)
        self._moved_at = self._clock()
        self._write(self._sink, track, frames)
        return 0.0

    def leave(self) -> None:
        """Fade out what is heard, and close the device."""
        self._cut()
        if self._sink is not None:
            self._sink.close()

    # the track

    def _play(self, track: Track) -> None:
        rate = track.source.sample_rate
        if self._sink is None:
            self._sink = self._open_sink(rate)
        self._sink.wake()
        self._cut()
        self._begin(track)

    def _begin(self, track: Track) -> None:
        """Nothing else plays. The beginning of a track needs no ramp. Raises AudioDeviceError."""
        rate = track.source.sample_rate
        if self._sink is not None and self._sink.sample_rate != rate:
            self._sink.close()
            self._sink = None
        if self._sink is None:
            self._sink = self._open_sink(rate)
        self._sink.wake()
        self._ramp.jump(0.0 if self._paused else self._volume)
        self._track = track
        self._reported_at = self._clock()
        self._report(pm.Started(number=track.number, duration_sec=round(track.source.duration_sec, 6)))

    def _write(self, sink: Sink, track: Track, frames: int) -> None:
        """Give the sink so many frames of the track, fewer at its end."""
        try:
            block = track.source.read(frames)
        except LofiError as error:
            self._end(track, "failed", str(error))
            return
        if len(block):
            sink.write(self._ramp.apply(block))
            sink.flow(True)
        track.written += len(block)
        if len(block) < frames:
            track.over = True
            if self._next is None:
                sink.flow(False)
            else:
                self._end(track, "finished")

    def _end(self, track: Track, how: pm.How, message: str = "") -> None:
        """The current track is over. What comes next begins, unless an order has cut it."""
        track.source.close()
        self._track = None
        if self._sink is not None:
            self._sink.flow(False)
        self._report(pm.Ended(number=track.number, how=how, message=message))
        if how != "cut" and self._next is not None:
            self._go_on()

    def _go_on(self) -> None:
        track, self._next = self._next, None
        assert track is not None
        self._begin(track)

    def _cut(self) -> None:
        """Nothing plays, and nothing is to come."""
        self._drop_next()
        self._fade_out()
        if self._track is not None:
            self._end(self._track, "cut")
        self._paused = False

    def _drop_next(self) -> None:
        if self._next is not None:
            self._next.source.close()
            self._next = None

    # what is heard of it

    def _fade_out(self) -> None:
        """To silence, at the place that has been reached: what is faded is heard, only softer."""
        if self._track is None or self._paused or self._sink is None or self._track.over:
            return
        if self._sink.room() >= 0:
            self._write(self._sink, self._track, self._head_for(0.0))
        else:  # only a fade is written without room: what the sink has ends in silence already
            self._ramp.jump(0.0)
        self._sink.flow(False)

    def _resume(self) -> None:
        if self._sink is not None:
            self._sink.wake()
        self._paused = False
        self._head_for(self._volume)

    def _head_for(self, volume: float) -> int:
        return self._ramp.to(volume, self._sink.sample_rate if self._sink is not None else 1)

    def _position(self) -> float:
        """Seconds of the track that have been heard; when paused, those that are on their way too."""
        if self._track is None or self._sink is None:
            return 0.0
        pending = 0 if self._paused else self._sink.pending()
        return max(0, self._track.written - pending) / self._sink.sample_rate

    def _tell_position(self, track: Track) -> None:
        now = self._clock()
        if now - self._reported_at >= _REPORT_SEC:
            self._reported_at = now
            self._report(pm.Position(number=track.number, position_sec=self._position()))

    # the sink

    def _wait(self, sink: Sink) -> float:
        if self._clock() - self._moved_at > _STALL_SEC:
            raise AudioDeviceError(f"the sound device has taken no sound for {_STALL_SEC:g} s")
        return _BLOCK_SEC

    def _rest(self, sink: Sink) -> float | None:
        left = self._moved_at + _REST_SEC - self._clock()
        if left > 0:
            return left
        sink.rest()
        return None
