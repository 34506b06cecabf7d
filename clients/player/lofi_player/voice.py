"""One track as it is heard: its samples at its gain, once or in circles."""

from __future__ import annotations

import numpy as np

from lofi_common.errors import LofiError
from lofi_common.player_messages import Hold
from lofi_player.ramp import Ramp
from lofi_player.seams import SPLICE_SEC, splice, turn
from lofi_player.sound import SILENCE, Frames, Sound


class Voice:
    """Never raises: a file that turns out to be damaged is at its end, and `failure` says why."""

    def __init__(
        self,
        number: int,
        sound: Sound,
        *,
        gain_db: float = 0.0,
        joined: bool = False,
        repeat: bool = False,
        hold: Hold | None = None,
    ) -> None:
        """sound: read from where it stands (`seek` moves it). joined: it goes on with what is before it."""
        self.number = number
        self.sound = sound
        self.joined = joined
        self.repeat = repeat
        self.hold = hold
        self.at = 0
        """Frame of the track that is read next."""
        self.failure = ""
        self._gain = Ramp(10 ** (gain_db / 20))
        self._seam = SILENCE
        """Made already, heard before `at`."""

    @property
    def rate(self) -> int:
        return self.sound.sample_rate

    @property
    def duration_sec(self) -> float:
        return self.sound.frames / self.rate

    def seek(self, frame: int) -> None:
        """At most to the end."""
        frame = min(frame, self.sound.frames)
        self._seam = SILENCE
        try:
            self.sound.seek(frame)
        except LofiError as error:
            self.failure = str(error)
        self.at = frame

    def follow(self, gain: float, sec: float) -> None:
        """Begin with this gain, that of what is before it, and reach the own one in a while."""
        own = self._gain.value
        self._gain.jump(gain)
        self._gain.to(own, self.rate, sec)

    @property
    def gain(self) -> float:
        return self._gain.value

    def circle(self, alone: bool) -> tuple[int, int] | None:
        """From where to where it goes round, in frames. alone: nothing comes next, so that a hold holds."""
        if self.repeat:
            return (0, self.sound.frames) if self.sound.whole else None
        if self.hold is None or not alone:
            return None
        start, end = (round(sec * self.rate) for sec in self.hold)
        if self.at > end or end > self.sound.frames:
            end = self.sound.frames
        return (start, end) if start < end and (end < self.sound.frames or self.sound.whole) else None

    def left(self, alone: bool) -> int | None:
        """Frames until its end; None: not known yet, or there is none."""
        if self.failure:
            return len(self._seam)
        if not self.sound.whole or self.circle(alone) is not None:
            return None
        return len(self._seam) + max(0, self.sound.frames - self.at)

    def ready(self, alone: bool) -> int | None:
        """Frames that are there to be read; None: as many as are wanted, or all there will ever be."""
        circle = self.circle(alone)
        if self.sound.whole or self.failure or (circle is not None and self._reaches(circle[1])):
            return None
        return len(self._seam) + max(0, self.sound.ready() - self.at)

    def read(self, frames: int, alone: bool) -> Frames:
        """The next frames, at its gain; fewer, or none, at its end or where it has not grown yet."""
        parts: list[Frames] = []
        while frames > 0:
            try:
                part = self._piece(frames, alone)
            except LofiError as error:
                self.failure = str(error)
                part = SILENCE
            if not len(part):
                break
            parts.append(part)
            frames -= len(part)
        block = parts[0] if len(parts) == 1 else np.concatenate([SILENCE, *parts])
        return self._gain.apply(block)

    def _piece(self, frames: int, alone: bool) -> Frames:
        if len(self._seam):
            part, self._seam = self._seam[:frames], self._seam[frames:]
            return part
        if self.failure:
            return SILENCE
        if (circle := self.circle(alone)) is not None:
            start, end = circle
            until = max(self.at, end - min(round(SPLICE_SEC * self.rate), end - start))
            if self.at == until and self._reaches(end):
                self._seam = self._go_round(start, end)
                return self._piece(frames, alone)
            frames = min(frames, until - self.at)
        part = self.sound.read(frames)
        self.at += len(part)
        return part

    def _reaches(self, end: int) -> bool:
        return self.sound.whole or self.sound.ready() >= end

    def _go_round(self, start: int, end: int) -> Frames:
        """The samples of the turn; it goes on at `at`, so that a round is exactly `end − start` frames."""
        tail = self.sound.read(end - self.at)
        before = len(tail) if start >= len(tail) else 0
        self.sound.seek(start - before)
        if before:
            lead = self.sound.read(before)
            self.at = start
            return splice(tail, lead)
        ramp = min(round(SPLICE_SEC / 2 * self.rate), (end - start) // 2)
        head = self.sound.read(ramp)
        self.at = start + len(head)
        # Only as much as the ramp is softened of the tail.
        return np.concatenate([tail[:-ramp], turn(tail[-ramp:], head)])

    def close(self) -> None:
        self.sound.close()
