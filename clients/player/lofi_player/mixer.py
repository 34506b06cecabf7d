"""Which tracks are heard, one after the other or faded into each other. No sink, clock or volume in here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lofi_common.player_messages import How
from lofi_player.seams import overlap_sec, weights
from lofi_player.sound import CHANNELS, SILENCE, Frames
from lofi_player.voice import Voice

_SPARE_SEC = 1.0
"""A track that grows has this much more than the crossfade takes, before it begins."""
_GAIN_SEC = 0.5
"""Within a joined stream the gain changes slowly."""


class Mixer:
    """The track that is heard, the one that is leaving it, and the one that comes next."""

    def __init__(self, began: Callable[[Voice], None], ended: Callable[[Voice, How], None]) -> None:
        self._began = began
        self._ended = ended
        self.crossfade_sec = 0.0
        self.current: Voice | None = None
        self.coming: Voice | None = None
        self._leaving: Voice | None = None
        self._faded = 0
        self._overlap = 0

    def begin(self, voice: Voice) -> None:
        """Nothing else is heard."""
        self.current = voice
        self._began(voice)

    def set_next(self, voice: Voice | None) -> None:
        if self.coming is not None:
            self.coming.close()
        self.coming = voice

    def cut(self) -> None:
        """Nothing is heard, and nothing is to come."""
        self.set_next(None)
        self.drop_leaving()
        if self.current is not None:
            self._end("cut")

    def drop_leaving(self) -> None:
        """What was being left is left."""
        if self._leaving is not None:
            leaving, self._leaving = self._leaving, None
            leaving.close()
            self._ended(leaving, "failed" if leaving.failure else "finished")

    def voice(self, number: int) -> Voice | None:
        """What is heard or comes under this number."""
        for each in (self.current, self.coming, self._leaving):
            if each is not None and each.number == number:
                return each
        return None

    def over(self) -> bool:
        """Whether nothing more is to be had of the current track, or of one that follows it."""
        voice = self.current
        if voice is None or self.coming is not None or self._leaving is not None:
            return False
        return self._left(voice) == 0

    def ready(self) -> int | None:
        """Frames of the current track that are there to be read; None: as many as are wanted."""
        return None if self.current is None else self.current.ready(self._alone())

    def finish(self) -> None:
        """The last sample is heard."""
        self._end("finished")

    def piece(self, frames: int) -> Frames:
        """At most so many frames; none at the end of the last track, where the current one has not grown, and
        where another track has begun instead."""
        voice = self.current
        if voice is None:
            return SILENCE
        if self._leaving is not None:
            return self._mixed(self._leaving, voice, frames)
        if self.coming is not None:
            left = self._left(voice)
            if left == 0:
                self._go_over(voice, self.coming)
                return SILENCE
            if left is not None and (overlap := self._due(voice, self.coming, left)):
                if left <= overlap:
                    self._fade_over(voice, self.coming, left)
                    return SILENCE
                frames = min(frames, left - overlap)
        return voice.read(frames, self._alone())

    def _alone(self) -> bool:
        return self.coming is None

    def _left(self, voice: Voice) -> int | None:
        return voice.left(self._alone())

    def _due(self, voice: Voice, coming: Voice, left: int) -> int:
        """Frames of the crossfade between the two; 0: none."""
        if coming.joined or coming.rate != voice.rate:
            return 0
        sec = overlap_sec(self.crossfade_sec, voice.duration_sec, coming.duration_sec)
        overlap = round(sec * voice.rate)
        ready = coming.ready(alone=False)
        if ready is not None and ready < min(overlap, left) + round(_SPARE_SEC * voice.rate):
            return 0
        return overlap

    def _fade_over(self, voice: Voice, coming: Voice, overlap: int) -> None:
        self._leaving, self._overlap, self._faded = voice, overlap, 0
        self.coming = None
        self.begin(coming)

    def _go_over(self, voice: Voice, coming: Voice) -> None:
        self.coming = None
        if coming.joined and coming.gain != voice.gain:
            coming.follow(voice.gain, _GAIN_SEC)
        self._end("finished")
        self.begin(coming)

    def _mixed(self, leaving: Voice, voice: Voice, frames: int) -> Frames:
        frames = min(frames, self._overlap - self._faded)
        down, up = weights(self._faded, frames, self._overlap)
        mixed = _filled(leaving.read(frames, alone=False), frames) * down
        mixed += _filled(voice.read(frames, alone=False), frames) * up
        self._faded += frames
        if self._faded == self._overlap:
            self.drop_leaving()
        return mixed

    def _end(self, how: How) -> None:
        voice, self.current = self.current, None
        assert voice is not None
        voice.close()
        self._ended(voice, "failed" if voice.failure and how == "finished" else how)


def _filled(block: Frames, frames: int) -> Frames:
    """What a damaged file lacks is silence."""
    if len(block) == frames:
        return block
    return np.concatenate([block, np.zeros((frames - len(block), CHANNELS), np.float32)])
