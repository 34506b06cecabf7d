"""A track's frames on their way through the codec: where chunks are cut, movements begin and the audio ends.

Only models that set their own pace have several movements: each is a sequence of its own, with its own header
and its own stream through the codec. The one before ends with a bar, and rings out over the beginning of the
next. Numbers of frames and samples are the movement's, if nothing else is said.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.jobs import JobSpec
from lofi_common.manifest import Manifest
from lofi_worker.engine import Bar, State
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.track import expected_frames, fade_out, ring_out

Codes = NDArray[np.int64]
Audio = NDArray[np.float32]
PACE = "pace"


@dataclass(frozen=True)
class Played:
    """What the codec made of some frames."""

    codes: Codes
    audio: Audio
    tail: Audio | None
    """How a movement that ended with them rings out."""


class Playing:
    """Not for several threads, but for `play`, which may run beside the others."""

    def __init__(
        self,
        manifest: Manifest,
        session: Session,
        spec: JobSpec,
        movements: Iterable[Codes],
        end: int | None,
        state: State | None = None,
    ) -> None:
        """movements: the codes that are there already, of each movement; more come of the last one.

        end: frames of the last movement, where they are known. state: of the segment that this one follows.
        """
        self._manifest = manifest
        self._session = session
        self._segment = spec.segment
        self._wanted = spec.duration_sec * manifest.codec.sample_rate
        self._end = end
        self._waiting = deque(movements)
        self._stream = CodecStream(session, state)
        self._tail: Audio | None = None
        self.decoded, self.made = (int(n) for n in state[PACE]) if state is not None else (0, 0)
        """Frames that the codec has got, and the samples that it made of them."""
        self._began = -self.made
        """Where in the audio that is given out the movement begins."""
        self._given = 0

    def follow(self, before: CodecStream) -> None:
        """The first movement follows another segment's, which rings out over it."""
        self._tail = self._ring_out(before)

    def add(self, frames: Codes) -> None:
        """More of the last movement."""
        self._waiting[-1] = np.concatenate([self._waiting[-1], frames])

    @property
    def waiting(self) -> int:
        """Frames that the codec has not got yet."""
        return sum(map(len, self._waiting))

    @property
    def expected(self) -> int:
        """Frames of the last movement: exact for a fixed rate, else an estimate by the audio so far."""
        if self._end is not None:
            return self._end
        open_now = len(self._waiting) == 1
        decoded, made = (self.decoded, self.made) if open_now else (0, 0)
        began = self._began if open_now else self._given
        frames = expected_frames(self._manifest, self._wanted - began, decoded, made)
        if self._segment:
            header, bar = self._manifest.codec.header_frames, self._bar_frames
            frames = header - (header - frames) // bar * bar
        return frames

    def due(self, over: bool) -> int:
        """How many frames the codec gets next; 0 while more have to come. over: no more will.

        Where chunks are cut depends on the track alone, since the codec's rounding depends on the cuts.
        """
        codec, waiting = self._manifest.codec, len(self._waiting[0])
        chunk = codec.chunk_frames
        if codec.frames_per_second is not None and self.decoded == 0:
            chunk += chunk // 5  # a second of audio in one go, although the codec lags a few frames
        if len(self._waiting) == 1:
            chunk = min(chunk, self.expected - self.decoded)
            return waiting if over and waiting < chunk else chunk if waiting >= chunk else 0
        return min(chunk, waiting)

    def play(self, frames: int, last: bool) -> Played:
        """Runs the codec over the next frames; last: no others follow. Raises ModelInferenceFailed."""
        codes = self._waiting[0][:frames]
        closes = len(self._waiting) > 1 and frames == len(self._waiting[0])
        audio = self._stream.push(codes, last)
        return Played(codes, audio, self._ring_out(self._stream) if closes else None)

    def take(self, played: Played) -> Audio:
        """The new audio, float32 [channels, samples], cut and faded where the track ends."""
        self._waiting[0] = self._waiting[0][len(played.codes) :]
        self.decoded += len(played.codes)
        self.made += played.audio.shape[1]
        audio = played.audio
        if self._tail is not None:
            both = min(audio.shape[1], self._tail.shape[1])
            audio = audio.copy()
            audio[:, :both] += self._tail[:, :both]
            self._tail = self._tail[:, both:]
        if not self._segment:
            audio = audio[:, : self._wanted - self._given]
            audio = fade_out(audio, self._given, self._wanted, self._manifest.codec.sample_rate)
        self._given += audio.shape[1]
        if len(self._waiting) > 1 and len(self._waiting[0]) == 0:
            self._waiting.popleft()
            self._stream, self._tail = CodecStream(self._session), played.tail
            self._began, self.decoded, self.made = self._given, 0, 0
        return audio

    @property
    def given_sec(self) -> float:
        """Seconds of audio given out."""
        return self._given / self._manifest.codec.sample_rate

    @property
    def finished(self) -> bool:
        """All audio was given out."""
        if not self._segment:
            return self._given >= self._wanted
        if self._end is not None:
            return self.decoded >= self._end
        music = self.decoded - self._manifest.codec.header_frames
        return self._given >= self._wanted and music % self._bar_frames == 0

    @property
    def heard(self) -> int:
        """Frames of the movement whose audio was given out to their end."""
        header = self._manifest.codec.header_frames
        music = max(0, self.decoded - header)
        # Where a frame ends is rounded down to samples: hence the one more.
        return header + min(music, (self._given - self._began + 1) * music // max(1, self.made))

    @property
    def bar(self) -> Bar | None:
        """Of the last movement, where frames are musical time."""
        window, codec = self._manifest.windows(), self._manifest.codec
        music = self.decoded - codec.header_frames
        if window is None or window.bar_frames is None or music <= 0:
            return None
        seconds = self.made * window.bar_frames / (music * codec.sample_rate)
        return Bar(seconds, max(0, self._began) / codec.sample_rate)

    @property
    def state(self) -> State:
        """What the next segment goes on from."""
        return {**self._stream.state, PACE: np.array([self.decoded, self.made])}

    @property
    def _bar_frames(self) -> int:
        window = self._manifest.windows()
        return (window.bar_frames if window is not None else None) or 1

    def _ring_out(self, stream: CodecStream) -> Audio | None:
        """A bar of rest behind what the stream has played, fading; None for a model without rests."""
        window = self._manifest.windows()
        if window is None or window.rest is None:
            return None
        rest = np.tile(np.array(window.rest, np.int64), (self._bar_frames, 1))
        return ring_out(stream.push(rest, True))
