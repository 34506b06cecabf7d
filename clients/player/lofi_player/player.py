"""What is heard next: obeys orders, moves frames from mixer to outlet. No threads and no waiting in here."""

from __future__ import annotations

import time
from collections.abc import Callable

from lofi_common import player_messages as pm
from lofi_common.errors import LofiError
from lofi_player.growing import GrowingFile
from lofi_player.mixer import Mixer
from lofi_player.opening import Opened
from lofi_player.outlet import OpenSink, Outlet
from lofi_player.ramp import RAMP_SEC
from lofi_player.voice import Voice

_BLOCK_SEC = 0.02
_REPORT_SEC = 1.0
_REST_SEC = 5.0
"""After so long in silence the device is left to itself."""
_START_SEC = 0.5
"""A growing track begins with so much of it there, or all."""
_AGAIN_SEC = 1.5
"""And goes on, after it has waited, with so much."""


class Player:
    """`obey` orders as they come; call `step` in between, as often as it says."""

    def __init__(
        self,
        volume: float,
        open_sink: OpenSink,
        report: Callable[[pm.Report], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._volume = volume
        self._report = report
        self._clock = clock
        self._outlet = Outlet(volume, open_sink, lambda name: report(pm.DeviceChanged(name=name)), clock)
        self._mixer = Mixer(self._began, self._ended)
        self._paused = False
        self._waiting = False
        """For the current track to grow."""
        self._fresh = False
        """Nothing of the current track was heard before it waits."""
        self._reported_at = 0.0
        self._acted_at = 0.0
        """When sound was made or an order came last."""

    # orders

    def obey(self, order: pm.Order, opened: Opened = None) -> None:
        """Do what is ordered, and answer. opened: what `open_for` made of the order."""
        self._acted_at = self._clock()
        try:
            if isinstance(opened, LofiError):
                raise opened
            self._do(order, opened)
        except LofiError as error:
            if isinstance(opened, Voice | GrowingFile):
                opened.close()
            self._report(pm.Answer(order=order.order, error=error.info()))
            return
        self._report(pm.Answer(order=order.order, position_sec=self._position()))

    def _do(self, order: pm.Order, opened: Voice | GrowingFile | None) -> None:
        match order:
            case pm.Play():
                assert isinstance(opened, Voice)
                self._play(opened)
            case pm.Next():
                assert isinstance(opened, Voice)
                self._follow(opened)
            case pm.ClearNext():
                self._mixer.set_next(None)
            case pm.Pause():
                self._fade_out()
                self._paused = True
            case pm.Resume():
                self._outlet.wake()
                self._paused = False
                self._rise()
            case pm.Stop():
                self._cut()
            case pm.SetVolume(volume=volume):
                self._volume = volume
                self._rise()
            case pm.SetCrossfade(sec=sec):
                self._mixer.crossfade_sec = sec
            case pm.SetDevice(name=name):
                self._choose(name)
            case _:
                self._change(order, opened)

    def _change(self, order: pm.Order, opened: Voice | GrowingFile | None) -> None:
        """Orders about one track, which may be over already."""
        assert isinstance(order, pm.Grown | pm.Regrow | pm.Seek | pm.SetRepeat | pm.SetHold)
        voice = self._mixer.voice(order.number)
        match order:
            case pm.Seek(position_sec=sec) if voice is not None and voice is self._mixer.current:
                self._seek(voice, sec)
            case pm.SetRepeat(on=on) if voice is not None:
                voice.repeat = on
            case pm.SetHold(hold=hold) if voice is not None:
                voice.hold = hold
            case pm.Grown(samples=samples) if voice is not None and isinstance(voice.sound, GrowingFile):
                voice.sound.grown(samples)
            case pm.Regrow():
                assert isinstance(opened, GrowingFile)
                if voice is not None and isinstance(voice.sound, GrowingFile):
                    voice.sound.regrow(opened)
                else:
                    opened.close()

    def step(self) -> float | None:
        """Give the sink what it has room for. Returns in how many seconds to call it again, at the latest;
        None: an order has to come first. Raises AudioDeviceError when no device takes sound any more."""
        voice = self._mixer.current
        over = self._mixer.over()
        if voice is None or (self._paused and not over):
            return self._rest()
        self._acted_at = self._clock()
        if over:
            self._outlet.flush()
            if self._outlet.pending():
                return self._wait()
            self._mixer.finish()
            return 0.0
        if voice.rate != self._outlet.rate:
            self._outlet.ready(voice.rate)
        if self._waiting and not self._goes_on(voice):
            return _BLOCK_SEC
        self._tell_position(voice)
        return self._fill(voice)

    def _fill(self, voice: Voice) -> float:
        block = round(_BLOCK_SEC * voice.rate)
        if self._outlet.room() < block:
            return self._wait()
        self._outlet.took()
        if self._outlet.paced and self._is_short(voice):
            self._wait_for_more(voice)
            return _BLOCK_SEC
        ready = self._mixer.ready()
        if ready is not None:
            block = min(block, ready)
        return 0.0 if self._write(block) else _BLOCK_SEC

    def leave(self) -> None:
        """Fade out what is heard, and close the device."""
        self._cut()
        self._outlet.close()

    # tracks

    def _play(self, voice: Voice) -> None:
        if self._outlet.rate:
            self._outlet.wake()
        else:
            self._outlet.ready(voice.rate)
        self._cut()
        self._begin(voice)

    def _follow(self, voice: Voice) -> None:
        if self._mixer.current is None:
            self._begin(voice)
        else:
            self._mixer.set_next(voice)

    def _begin(self, voice: Voice) -> None:
        """Nothing else plays. The beginning of a track needs no ramp. Raises AudioDeviceError."""
        self._outlet.ready(voice.rate)
        self._outlet.jump(0.0 if self._paused or voice.at else self._volume)
        self._mixer.begin(voice)
        self._rise()

    def _began(self, voice: Voice) -> None:
        self._reported_at = self._clock()
        self._report(pm.Started(number=voice.number, duration_sec=round(voice.duration_sec, 6)))
        self._waiting, self._fresh = False, True
        if self._outlet.paced and not self._enough(voice):
            self._waiting = True
            self._outlet.flush()
            self._report(pm.Waiting(number=voice.number))

    def _ended(self, voice: Voice, how: pm.How) -> None:
        message = voice.failure if how == "failed" else ""
        self._report(pm.Ended(number=voice.number, how=how, message=message))

    def _cut(self) -> None:
        """Nothing plays, and nothing is to come."""
        self._fade_out()
        self._mixer.cut()
        self._paused = self._waiting = False

    def _seek(self, voice: Voice, sec: float) -> None:
        self._fade_out()
        self._mixer.drop_leaving()
        if self._mixer.current is voice:  # else the fade has reached its end
            voice.seek(round(sec * voice.rate))
            self._outlet.moved(voice.number, voice.at)
            self._fresh = False
            if self._outlet.paced and self._is_short(voice) and not self._waiting:
                self._waiting = True
                self._report(pm.Waiting(number=voice.number))
        self._outlet.jump(0.0)
        self._rise()

    def _choose(self, name: str | None) -> None:
        self._fade_out()
        try:
            self._outlet.choose(name)
        finally:
            self._rise()

    # a track that grows

    def _enough(self, voice: Voice) -> bool:
        ready = self._mixer.ready()
        return ready is None or ready >= (_START_SEC if self._fresh else _AGAIN_SEC) * voice.rate

    def _is_short(self, voice: Voice) -> bool:
        """Whether a block more would leave too little for a fade."""
        ready = self._mixer.ready()
        return ready is not None and ready < round((_BLOCK_SEC + RAMP_SEC) * voice.rate)

    def _wait_for_more(self, voice: Voice) -> None:
        self._fade_out()
        self._waiting, self._fresh = True, False
        self._report(pm.Waiting(number=voice.number))

    def _goes_on(self, voice: Voice) -> bool:
        self._outlet.took()
        if not self._enough(voice):
            return False
        self._waiting = False
        self._report(pm.GoesOn(number=voice.number))
        self._outlet.jump(self._volume if self._fresh and not voice.at else 0.0)
        self._rise()
        return True

    # what is heard

    def _write(self, frames: int) -> int:
        """Put so many frames; fewer where the tracks end, or have not grown. Returns how many."""
        left = frames
        while left > 0 and (voice := self._mixer.current) is not None:
            if voice.rate != self._outlet.rate or self._waiting:
                break
            at = voice.at
            piece = self._mixer.piece(left)
            if len(piece):
                self._outlet.put(piece, voice.number, at)
                left -= len(piece)
            elif self._mixer.current is voice:
                break
        return frames - left

    def _fade_out(self) -> None:
        """To silence, at the place that has been reached: what is faded is heard, only softer."""
        if self._mixer.current is None or self._paused or self._waiting or self._mixer.over():
            return
        if self._outlet.room() >= 0:
            self._write(self._outlet.head_for(0.0))
        # Only a fade is written without room: what the sink has ends in silence already.
        self._outlet.jump(0.0)
        self._outlet.flush()

    def _rise(self) -> None:
        """To the volume, unless it is silent for a reason."""
        if not self._paused and not self._waiting:
            self._outlet.head_for(self._volume)

    def _position(self) -> float:
        """Seconds of the track that have been heard; when paused, those that are on their way too."""
        voice = self._mixer.current
        if voice is None:
            return 0.0
        return self._outlet.position(voice.number, voice.at, all_heard=self._paused) / voice.rate

    def _tell_position(self, voice: Voice) -> None:
        now = self._clock()
        if now - self._reported_at >= _REPORT_SEC:
            self._reported_at = now
            self._report(
                pm.Position(
                    number=voice.number,
                    position_sec=self._position(),
                    ready_sec=voice.sound.ready() / voice.rate,
                )
            )

    # the device

    def _wait(self) -> float:
        self._outlet.check()
        return _BLOCK_SEC

    def _rest(self) -> float | None:
        left = self._acted_at + _REST_SEC - self._clock()
        if left > 0 and self._outlet.rate:
            return left
        self._outlet.rest()
        return None
