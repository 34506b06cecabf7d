"""The engine: drives text, decoder, sampling and codec for the jobs in its slots, each at its own step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import Model
from lofi_worker.engine import StepResult
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
    """Frames that the codec has got."""
    given: int = 0
    """Samples given out."""

    @property
    def guided(self) -> bool:
        return self.spec.guidance_scale != 1.0


class MusicGenEngine:
    """Implements `Engine` for a model folder. Made by `load_engine`."""

    def __init__(self, model: Model, text: TextEncoder, decoder: Decoder, codec: Session, slots: int) -> None:
        self._manifest = model.manifest
        self._text = text
        self._decoder = decoder
        self._codec = codec
        self._tracks: dict[int, _Track] = {}
        self.model_version = model.version
        self.device = codec.device
        self.slots = slots
        self.sample_rate = model.manifest.codec.sample_rate
        self.channels = model.manifest.codec.channels

    def start(self, slot: int, spec: JobSpec) -> None:
        """See `Engine.start`. Raises ValueError when the slot is not free."""
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
        for slot, track in self._tracks.items():
            left = max(0, self._frames_expected(track) - 1 - track.step)
            self._decoder.feed(slot, track.step, track.columns[track.step], left)
        logits = self._decoder.step(any(track.guided for track in self._tracks.values()))
        return [self._advance(slot, logits[0, slot], logits[1, slot]) for slot in sorted(self._tracks)]

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
        """Samples the slot's next column from logits [codebooks, codebook_size]; decodes what is complete."""
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
        audio = self._decode(track)
        if audio is not None and not np.isfinite(audio).all():
            return self._failed(slot, f"the codec gave numbers that are not finite after step {track.step}")
        if track.decoded == track.frames and track.given < track.samples:
            made = track.given / self.sample_rate
            return self._failed(slot, f"all {track.step} steps of the model gave only {made:.1f} s of audio")
        frames = delay.complete_frames(track.step, delays)
        if track.given == track.samples:
            self.stop(slot)
            return StepResult(slot, frames, frames, audio, finished=True)
        return StepResult(slot, frames, self._frames_expected(track), audio)

    def _decode(self, track: _Track) -> NDArray[np.float32] | None:
        """The audio of the next chunk of frames, once it is complete.

        Where chunks are cut depends on the track alone, since the codec's rounding depends on the cuts.
        """
        delays = self._manifest.decoder.delays
        complete = delay.complete_frames(track.step, delays)
        last = complete == track.frames
        missing = self._frames_expected(track) - track.decoded
        if complete - track.decoded < min(self._manifest.codec.chunk_frames, missing) and not last:
            return None
        codes = delay.undelay(track.columns, delays, track.decoded, complete)
        audio = track.stream.push(codes, last)[:, : track.samples - track.given]
        audio = fade_out(audio, track.given, track.samples, self.sample_rate)
        track.decoded = complete
        track.given += audio.shape[1]
        return audio if audio.shape[1] else None

    def _frames_expected(self, track: _Track) -> int:
        return expected_frames(self._manifest, track.spec.duration_sec, track.decoded, track.given)

    def _failed(self, slot: int, reason: str) -> StepResult:
        track = self._tracks[slot]
        frames = delay.complete_frames(track.step, self._manifest.decoder.delays)
        self.stop(slot)
        error = ModelInferenceFailed(reason)
        return StepResult(slot, frames, self._frames_expected(track), error=error)
