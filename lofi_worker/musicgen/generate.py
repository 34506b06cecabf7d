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
from lofi_worker.musicgen import sampling
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.outset import Outset, begin, state_after
from lofi_worker.musicgen.playing import Played
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import TextEncoder

PREFILL_COLUMNS = 128
"""Of one run: enough to use a processor well, few enough that neighbours and cancels need not wait long."""
FAR_AWAY = 2**20
"""Frames that a segment tells its model to be still to come: a stream has no end to close for."""


@dataclass
class _Track(Outset):
    """A job on its way."""

    coding: Future[Played] | None = None
    """What the codec makes of the next frames; until it is taken, the decoder leaves this track alone."""

    @property
    def guided(self) -> bool:
        return self.spec.guidance_scale != 1.0

    @property
    def frames(self) -> int:
        """That are complete, of those that the job gives."""
        return self.sequence.frames + self.frames_before

    @property
    def frames_expected(self) -> int:
        return self.playing.expected + self.frames_before

    @property
    def frames_left(self) -> int:
        """That follow the one which codebook 0 predicts next."""
        if self.spec.segment:
            return FAR_AWAY
        return max(0, self.playing.expected - 1 - self.sequence.skipped - self.sequence.position)


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
        window = model.manifest.windows()
        self.tells_bars = window is not None and window.bar_frames is not None

    def start(self, slot: int, spec: JobSpec, past: Past | None = None) -> None:
        """See `Engine.start`. Raises ValueError when the slot is not free."""
        if slot in self._tracks or not 0 <= slot < self.slots:
            raise ValueError(f"slot {slot} is not a free one")
        track = _Track(**vars(begin(self._manifest, self._codec, spec, past)))
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
        for track in self._tracks.values():
            self._start_codec(track)
        coding = [track.coding for track in self._tracks.values() if track.coding is not None]
        able = {slot: track for slot, track in self._tracks.items() if track.coding is None}
        if len(able) < len(coding):  # a step costs as much for one track as for all
            wait(coding, return_when=FIRST_COMPLETED)
            able = {}
        able = {slot: track for slot, track in able.items() if self._prefilled(slot, track)}
        if able:
            for slot, track in able.items():
                at = track.sequence.position
                self._decoder.feed(slot, at, track.sequence.columns(at, at + 1)[0], track.frames_left)
            logits = self._decoder.step(any(track.guided for track in able.values()))
        return [
            self._advance(slot, logits[0, slot], logits[1, slot]) if slot in able else self._collect(slot)
            for slot in sorted(self._tracks)
        ]

    def _prefilled(self, slot: int, track: _Track) -> bool:
        """Whether the caches hold all that comes before the track's next step; if not, does a part of it."""
        sequence = track.sequence
        if sequence.full:
            sequence.slide()
        start = sequence.prefilled
        if start == sequence.position:
            return True
        stop = min(sequence.position, start + PREFILL_COLUMNS)
        behind = track.frames_left + sequence.position
        self._decoder.prefill(
            slot, start, sequence.columns(start, stop), behind - (stop - 1), guided=track.guided
        )
        sequence.prefilled = stop
        # Beside others the row runs idle, and writes at its position: let it be what is written next anyhow.
        self._decoder.feed(slot, stop, sequence.columns(stop, stop + 1)[0], behind - stop)
        return False

    def _advance(
        self, slot: int, conditional: NDArray[np.float32], unconditional: NDArray[np.float32]
    ) -> StepResult:
        """Samples the slot's next column from logits [codebooks, codebook_size]; what is complete goes to the
        codec."""
        track = self._tracks[slot]
        spec, sequence = track.spec, track.sequence
        logits = conditional
        if track.guided:
            logits = sampling.guide(conditional, unconditional, spec.guidance_scale)
        step = track.base + sequence.skipped + sequence.position
        if not np.isfinite(logits).all():
            return self._failed(slot, f"the model gave numbers that are not finite in step {step}")
        at = sampling.draws(spec.seed, step, len(logits))
        codes = sampling.sample(logits, spec.temperature, spec.top_k, spec.top_p, at)
        track.playing.add(sequence.push(codes))
        self._start_codec(track)
        if self._beside is None:
            return self._collect(slot)
        return self._progress(slot)

    def _collect(self, slot: int) -> StepResult:
        """Takes what the codec has made for the slot, if anything."""
        track = self._tracks[slot]
        if track.coding is None or not track.coding.done():
            return self._progress(slot)
        played = track.coding.result()
        track.coding = None
        audio = track.playing.take(played)
        if not np.isfinite(audio).all():
            return self._failed(slot, "the codec gave numbers that are not finite")
        new = audio if audio.shape[1] else None
        if not track.playing.finished:
            if track.over and not track.playing.waiting:
                made = track.playing.given_sec
                return self._failed(slot, f"all steps of the model gave only {made:.1f} s of audio")
            return self._progress(slot, new, played.codes)
        frames, state = track.frames, state_after(track)
        self.stop(slot)
        return StepResult(
            slot,
            frames,
            frames,
            new,
            finished=True,
            codes=played.codes,
            state=state,
            bar=track.playing.bar,
        )

    def _progress(
        self,
        slot: int,
        audio: NDArray[np.float32] | None = None,
        codes: NDArray[np.int64] | None = None,
    ) -> StepResult:
        track = self._tracks[slot]
        return StepResult(slot, track.frames, track.frames_expected, audio, codes=codes)

    def _start_codec(self, track: _Track) -> None:
        """Gives the next chunk of frames to the codec, once it is complete."""
        frames = track.playing.due(track.over) if track.coding is None else 0
        if frames == 0:
            return
        if self._beside is not None:
            track.coding = self._beside.submit(track.playing.play, frames, track.ends_with(frames))
        else:
            track.coding = Future()
            track.coding.set_result(track.playing.play(frames, track.ends_with(frames)))

    def _failed(self, slot: int, reason: str) -> StepResult:
        track = self._tracks[slot]
        self.stop(slot)
        return StepResult(slot, track.frames, track.frames_expected, error=ModelInferenceFailed(reason))
