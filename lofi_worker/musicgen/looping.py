"""Loops: an engine around the engine. It lets more be made than was asked for, and repeats the best part."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import Manifest
from lofi_worker.bars import BarFinder
from lofi_worker.engine import Bar, Engine, Past, StepResult
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.loop import choose_alike, choose_bars, jump_of_loop
from lofi_worker.musicgen.loop_audio import Audio, loop_audio
from lofi_worker.musicgen.session import Session

SPARE_BARS_SEC = 32
"""What is made beyond the duration where bars are known: eight bars at the slowest tempo to choose from."""
SPARE_SEC = 8
"""The same where bars have to be found by ear: two bars to choose from, and what follows the end."""

PIECE_SEC = 10
"""What a step gives of a loop that is whole: two minutes take over a second to become MP3."""

TRIES, TRIES_BY_EAR = 4, 2
"""Bodies that are decoded until one comes out as it was foreseen; half as many where the codec costs more."""


@dataclass
class _Made:
    """What the inner engine has made of a loop's material so far."""

    spec: JobSpec
    bars: BarFinder | None
    """None where they are told."""
    codes: list[NDArray[np.int64]] = field(default_factory=list)
    sound: list[NDArray[np.int16]] = field(default_factory=list)
    """Mono, for the choice: 64 kB a second."""

    def take(self, result: StepResult) -> None:
        if result.codes is not None:
            self.codes.append(result.codes)
        if result.audio is not None:
            mono = np.clip(result.audio.mean(axis=0), -1, 1)
            self.sound.append(np.rint(mono * 32767).astype(np.int16))
            if self.bars is not None:
                self.bars.add(self.sound[-1][:, np.newaxis])


@dataclass
class _Body:
    """A part that may repeat."""

    codes: NDArray[np.int64]
    bar: Bar | None
    borders_sec: NDArray[np.floating]
    """What its seam is compared with."""


@dataclass
class _Turning:
    """Bodies on their way through the codec, one after the other, until the seam of one is good."""

    header: NDArray[np.int64]
    bodies: list[_Body]
    """The best first, as it is foreseen."""
    made: int
    """Frames that they were chosen from."""
    audio: Iterator[Audio | None]
    """Of the first body that is left."""
    runs: int = 0
    """Of the codec: each counts as a frame more, so that one who waits sees that it goes on."""
    best: tuple[float, _Body, Audio] | None = None
    """What has the smallest jump so far, with its ratio to the median inside."""


@dataclass
class _Giving:
    """A whole loop on its way out, a piece in each step."""

    body: _Body
    codes: NDArray[np.int64]
    """The header's, too."""
    audio: Audio
    """What is left of it."""
    done: int
    """Each piece counts as a frame more."""


class LoopingEngine:
    """Implements `Engine`; jobs that are no loops go straight through to the engine inside."""

    def __init__(self, inner: Engine, manifest: Manifest, codec: Session) -> None:
        """codec: the inner engine's; a loop has a stream of its own through it."""
        self._inner = inner
        self._manifest = manifest
        self._codec = codec
        self._loops: dict[int, _Made | _Turning | _Giving] = {}
        self.model_version = inner.model_version
        self.device = inner.device
        self.slots = inner.slots
        self.sample_rate = inner.sample_rate
        self.channels = inner.channels
        self.tells_bars = inner.tells_bars

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        """See `Engine.start`. Raises ModelInferenceFailed for a loop that continues a track, and for one of a
        model that has neither a fixed rate nor bars."""
        if isinstance(self._loops.get(slot), _Turning | _Giving):
            raise ValueError(f"slot {slot} is not a free one")
        if not spec.loop:
            self._inner.start(slot, spec, past)
            return
        if past is not None:
            raise ModelInferenceFailed("a loop can't continue a track", recovery="Ask for one of the two.")
        window, by_ear = self._manifest.windows(), self._manifest.codec.frames_per_second is not None
        if not by_ear and (window is None or window.bar_frames is None):
            raise ModelInferenceFailed(
                f"{self.model_version} makes no loops: it does not say where bars begin"
            )
        spare = SPARE_SEC if by_ear else SPARE_BARS_SEC
        seconds = spec.duration_sec + spare
        more = msgspec.structs.replace(spec, loop=False, segment=True, duration_sec=seconds)
        self._inner.start(slot, more)
        finder = BarFinder(self.sample_rate, seconds * self.sample_rate) if by_ear else None
        self._loops[slot] = _Made(spec, finder)

    def step(self) -> list[StepResult]:
        """See `Engine.step`. A loop's codec runs here, once in a step, beside nobody."""
        made = {slot: loop for slot, loop in self._loops.items() if not isinstance(loop, _Made)}
        results = [self._take(result) for result in self._inner.step()]
        for slot, loop in made.items():
            results.append(self._turn(slot, loop) if isinstance(loop, _Turning) else self._give(slot, loop))
        return sorted(results, key=lambda result: result.slot)

    def stop(self, slot: int) -> None:
        """See `Engine.stop`."""
        if not isinstance(self._loops.pop(slot, None), _Turning | _Giving):
            self._inner.stop(slot)

    def interrupt(self) -> None:
        """See `Engine.interrupt`."""
        self._inner.interrupt()

    def _take(self, result: StepResult) -> StepResult:
        """What the inner engine did; of a loop's material nothing is given on."""
        made = self._loops.get(result.slot)
        if not isinstance(made, _Made):
            return result
        if result.error is not None:
            del self._loops[result.slot]
            return result
        made.take(result)
        if result.finished:
            self._loops[result.slot] = self._choose(made, result.bar)
        return replace(
            result, frames_expected=result.frames_expected + 1, audio=None, finished=False, codes=None,
            state=None, bar=None,
        )  # fmt: skip

    def _choose(self, made: _Made, bar: Bar | None) -> _Turning:
        """The best bodies of what was made."""
        codec = self._manifest.codec
        codes = np.concatenate(made.codes)
        sound = (np.concatenate(made.sound) / np.float32(32767)).astype(np.float32, copy=False)
        header, music = codes[: codec.header_frames], codes[codec.header_frames :]
        duration = made.spec.duration_sec
        if made.bars is not None:
            assert codec.frames_per_second is not None, "bars are listened for where the rate is fixed"
            bodies = self._by_ear(sound, music, duration, codec.frames_per_second, made.bars.bar())
        else:
            assert bar is not None, "a model with bars made none"
            bodies = self._by_bars(sound, music, duration, bar)
        return _Turning(header, bodies, len(codes), self._audio(header, bodies[0]))

    def _by_bars(
        self, sound: NDArray[np.float32], music: NDArray[np.int64], duration_sec: int, bar: Bar
    ) -> list[_Body]:
        samples = bar.seconds * self.sample_rate
        frames = round(samples * len(music) / len(sound))
        return [
            _Body(
                music[start * frames : (start + length) * frames],
                Bar(bar.seconds, 0.0),
                bar.seconds * np.arange(1, max(2, length)),
            )
            for start, length in choose_bars(sound, self.sample_rate, samples, duration_sec)[:TRIES]
        ]

    def _by_ear(
        self,
        sound: NDArray[np.float32],
        music: NDArray[np.int64],
        duration_sec: int,
        rate: float,
        found: Bar | None,
    ) -> list[_Body]:
        """rate: frames per second; found: the bars, as far as any were heard."""
        bar_sec = found.seconds if found is not None else None
        bodies = []
        for start, length in choose_alike(sound, self.sample_rate, rate, duration_sec, bar_sec)[
            :TRIES_BY_EAR
        ]:
            seconds, bar, step = length / rate, None, 1 / rate
            if found is not None:
                step = seconds / round(seconds / found.seconds)
                bar = Bar(step, (found.offset_sec - start / rate) % step)
            borders = step * np.arange(1, max(2, round(seconds / step)))
            bodies.append(_Body(music[start : start + length], bar, borders))
        return bodies

    def _audio(self, header: NDArray[np.int64], body: _Body) -> Iterator[Audio | None]:
        return loop_audio(CodecStream(self._codec), self._manifest.codec, header, body.codes)

    def _turn(self, slot: int, loop: _Turning) -> StepResult:
        """One run of the codec. A body that jumps at its seam gives way to the next, if one is left."""
        audio = next(loop.audio)
        loop.runs += 1
        if audio is not None:
            if not np.isfinite(audio).all():
                del self._loops[slot]
                error = ModelInferenceFailed("the codec gave numbers that are not finite")
                return StepResult(slot, loop.made + loop.runs, loop.made + loop.runs + 1, error=error)
            body = loop.bodies.pop(0)
            places = np.rint(body.borders_sec * self.sample_rate).astype(np.int64)
            jump = jump_of_loop(audio.mean(axis=0), self.sample_rate, places % audio.shape[1])
            if loop.best is None or jump < loop.best[0]:
                loop.best = (jump, body, audio)
            if jump <= 1 or not loop.bodies:
                _, body, audio = loop.best
                codes = np.concatenate([loop.header, body.codes])
                self._loops[slot] = giving = _Giving(body, codes, audio, loop.made + loop.runs)
                return self._give(slot, giving)
            loop.audio = self._audio(loop.header, loop.bodies[0])
        done = loop.made + loop.runs
        return StepResult(slot, done, done + 1)

    def _give(self, slot: int, loop: _Giving) -> StepResult:
        """The next piece of the audio; with the last one the codes."""
        size, done = PIECE_SEC * self.sample_rate, loop.done
        piece, loop.audio = loop.audio[:, :size], loop.audio[:, size:]
        loop.done += 1
        if loop.audio.shape[1]:
            return StepResult(slot, done, done + 1, piece)
        del self._loops[slot]
        return StepResult(slot, done, done, piece, finished=True, codes=loop.codes, bar=loop.body.bar)
