"""The engine: drives text, decoder, sampling and codec for the jobs in its slots, each at its own step.

With several slots the codec works in threads beside the decoder. A track waits for its own audio, from which
a self-paced model reads how far it has come, while the others go on: what a track is made of does not depend
on who was faster.
"""

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import Model
from lofi_worker.engine import Past, StepResult
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import TextEncoder
from lofi_worker.musicgen.track import expected_frames, fade_out


@dataclass
class _Track:
    """A job on its way."""

    spec: JobSpec
    stream: CodecStream
    columns: NDArray[np.int64]
    """[steps + 1, codebooks]: the delayed codes that are fed; the special token where there is none (yet)."""
    frames: int
    """Frames to generate: exact for a fixed rate, else as many as the model can."""
    samples: int
    """Samples of the finished track."""
    step: int = 0
    decoded: int = 0
    """Frames whose audio has come from the codec."""
    coding: Future[NDArray[np.float32]] | None = None
    """What the codec makes of the next frames; until it is taken, the decoder leaves this track alone."""
    given: int = 0
    """Samples given out."""

    @property
    def guided(self) -> bool:
        return self.spec.guidance_scale != 1.0


class MusicGenEngine:
    """Implements `Engine` for a model folder. Made by `load_engine`."""

    def __init__(
        self,
        model: Model,
        text: TextEncoder,
        decoder: Decoder,
        codec: Session,
        slots: int,
        beside: Executor | None = None,
    ) -> None:
        """beside: where the codec works while the decoder goes on; without one, they take turns."""
        self._manifest = model.manifest
        self._text = text
        self._decoder = decoder
        self._codec = codec
        self._beside = beside
        self._tracks: dict[int, _Track] = {}
        self.model_version = model.version
        self.device = codec.device
        self.slots = slots
        self.sample_rate = model.manifest.codec.sample_rate
        self.channels = model.manifest.codec.channels

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        """See `Engine.start`. Raises ValueError when the slot is not free."""
        if past is not None:
            raise ModelInferenceFailed(f"{self.model_version} begins each track anew")
        if slot in self._tracks or not 0 <= slot < self.slots:
            raise ValueError(f"slot {slot} is not a free one")
        track = self._new_track(spec)
        self._decoder.start(slot, self._text.encode(spec.prompt))
        self._tracks[slot] = track

    def stop(self, slot: int) -> None:
        """See `Engine.stop`."""
        self._tracks.pop(slot, None)
        self._decoder.stop(slot)

    def interrupt(self) -> None:
        """See `Engine.interrupt`."""
        self._decoder.interrupt()

    def step(self) -> list[StepResult]:
        """See `Engine.step`."""
        if not self._tracks:
            return []
        coding = [track.coding for track in self._tracks.values() if track.coding is not None]
        able = {slot: track for slot, track in self._tracks.items() if track.coding is None}
        if len(able) < len(coding):  # a step costs as much for one track as for all
            wait(coding, return_when=FIRST_COMPLETED)
            able = {}
        else:
            for slot, track in able.items():
                left = max(0, self._frames_expected(track) - 1 - track.step)
                self._decoder.feed(slot, track.step, track.columns[track.step], left)
            logits = self._decoder.step(any(track.guided for track in able.values()))
        return [
            self._advance(slot, logits[0, slot], logits[1, slot]) if slot in able else self._collect(slot)
            for slot in sorted(self._tracks)
        ]

    def _new_track(self, spec: JobSpec) -> _Track:
        decoder, codec = self._manifest.decoder, self._manifest.codec
        frames = decoder.max_steps - max(decoder.delays)
        if codec.frames_per_second is not None:
            needed = self._manifest.frames_expected(spec.duration_sec)
            if needed > frames:
                longest = self._manifest.longest_sec()
                raise ModelInferenceFailed(
                    f"{self.model_version} makes at most {longest} s at once, not {spec.duration_sec} s",
                    recovery=f"Ask for {longest} s or less.",
                )
            frames = needed
        shape = (delay.steps_for(frames, decoder.delays) + 1, decoder.codebooks)
        columns = np.full(shape, decoder.codebook_size, np.int64)
        return _Track(spec, CodecStream(self._codec), columns, frames, spec.duration_sec * self.sample_rate)

    def _advance(
        self, slot: int, conditional: NDArray[np.float32], unconditional: NDArray[np.float32]
    ) -> StepResult:
        """Samples the slot's next column from logits [codebooks, codebook_size]; what is complete goes to the
        codec."""
        track = self._tracks[slot]
        spec, delays = track.spec, self._manifest.decoder.delays
        logits = conditional
        if track.guided:
            logits = sampling.guide(conditional, unconditional, spec.guidance_scale)
        if not np.isfinite(logits).all():
            return self._failed(slot, f"the model gave numbers that are not finite in step {track.step}")
        at = sampling.draws(spec.seed, track.step, len(delays))
        codes = sampling.sample(logits, spec.temperature, spec.top_k, spec.top_p, at)
        track.step += 1
        filled = delay.in_frame(track.step, delays, track.frames)
        track.columns[track.step, filled] = codes[filled]
        self._start_codec(track)
        if self._beside is None:
            return self._collect(slot)
        return self._progress(slot)

    def _collect(self, slot: int) -> StepResult:
        """Takes what the codec has made for the slot, if anything."""
        track = self._tracks[slot]
        if track.coding is None or not track.coding.done():
            return self._progress(slot)
        first = track.decoded
        audio = self._take_audio(track, track.coding)
        codes = delay.undelay(track.columns, self._manifest.decoder.delays, first, track.decoded)
        if not np.isfinite(audio).all():
            return self._failed(slot, f"the codec gave numbers that are not finite after step {track.step}")
        if track.decoded == track.frames and track.given < track.samples:
            made = track.given / self.sample_rate
            return self._failed(slot, f"all {track.step} steps of the model gave only {made:.1f} s of audio")
        new = audio if audio.shape[1] else None
        if track.given < track.samples:
            return self._progress(slot, new, codes)
        frames = self._frames(track)
        self.stop(slot)
        return StepResult(slot, frames, frames, new, finished=True, codes=codes)

    def _progress(
        self,
        slot: int,
        audio: NDArray[np.float32] | None = None,
        codes: NDArray[np.int64] | None = None,
    ) -> StepResult:
        track = self._tracks[slot]
        return StepResult(slot, self._frames(track), self._frames_expected(track), audio, codes=codes)

    def _start_codec(self, track: _Track) -> None:
        """Gives the next chunk of frames to the codec, once it is complete.

        Where chunks are cut depends on the track alone, since the codec's rounding depends on the cuts.
        """
        complete = self._frames(track)
        last = complete == track.frames
        missing = self._frames_expected(track) - track.decoded
        if complete - track.decoded < min(self._manifest.codec.chunk_frames, missing) and not last:
            return
        codes = delay.undelay(track.columns, self._manifest.decoder.delays, track.decoded, complete)
        if self._beside is not None:
            track.coding = self._beside.submit(track.stream.push, codes, last)
        else:
            track.coding = Future()
            track.coding.set_result(track.stream.push(codes, last))

    def _take_audio(self, track: _Track, made: Future[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The new audio, float32 [channels, samples], cut and faded where the track ends."""
        audio = made.result()[:, : track.samples - track.given]
        audio = fade_out(audio, track.given, track.samples, self.sample_rate)
        track.coding = None
        track.decoded = self._frames(track)
        track.given += audio.shape[1]
        return audio

    def _frames(self, track: _Track) -> int:
        """Frames that are complete."""
        return delay.complete_frames(track.step, self._manifest.decoder.delays)

    def _frames_expected(self, track: _Track) -> int:
        return expected_frames(self._manifest, track.spec.duration_sec, track.decoded, track.given)

    def _failed(self, slot: int, reason: str) -> StepResult:
        track = self._tracks[slot]
        self.stop(slot)
        error = ModelInferenceFailed(reason)
        return StepResult(slot, self._frames(track), self._frames_expected(track), error=error)
