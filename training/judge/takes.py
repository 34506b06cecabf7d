"""Runs a model folder on prompts and keeps codes beside audio, through the engine's own parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from lofi_common.manifest import Manifest, Model, check_file, read_model
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import TextEncoder
from lofi_worker.musicgen.track import expected_frames, fade_out
from training.attributes import BPM_MAX, Attributes
from training.codec.stream import decode, open_codec
from training.judge.pitch import RATE, Audio
from training.tokens import DELAYS, HEADER_FRAMES, Codes, TokenError, decode_header

SLOTS = 8
STEP_SAMPLES_AT_1_BPM = 480_000
HEADER_SECONDS = 20  # the track that a header is made for where no track follows


@dataclass(frozen=True, slots=True)
class Take:
    """One track: codes int64 [4, frames], audio float32 [seconds * RATE], header None where it is illegal."""

    prompt: str
    seed: int
    codes: Codes
    audio: Audio
    header: Attributes | None


def steps_for(seconds: int, bpm: int) -> int:
    """16th notes that fill `seconds` at a tempo."""
    return -(-seconds * RATE * bpm // STEP_SAMPLES_AT_1_BPM)


def read_header(codes: Codes) -> Attributes | None:
    try:
        return decode_header(codes)
    except TokenError:
        return None


class _Progress:
    """How much of a track is there and how much is still to come, as the engine comes to know it."""

    def __init__(self, manifest: Manifest, seconds: int) -> None:
        self._manifest, self._seconds = manifest, seconds
        self._given = 0
        self.decoded = 0
        """Frames that the codec has got."""

    @property
    def frames(self) -> int:
        """That the whole track takes, by what is known so far."""
        return expected_frames(self._manifest, self._seconds * RATE, self.decoded, self._given)

    @property
    def finished(self) -> bool:
        return self._given == self._seconds * RATE

    def reach(self, complete: int, bpm: int) -> None:
        """`complete` frames have all their codes: in chunks they become samples."""
        chunk = min(self._manifest.codec.chunk_frames, self.frames - self.decoded)
        if self.finished or complete - self.decoded < chunk:
            return
        self.decoded = complete
        sounding = max(0, complete - HEADER_FRAMES) * STEP_SAMPLES_AT_1_BPM // bpm
        self._given = min(sounding, self._seconds * RATE)


class Player:
    """A model folder ready to make takes."""

    def __init__(self, folder: Path) -> None:
        self.model: Model = read_model(folder)
        spec = self.model.manifest
        tokenizer = Tokenizer.from_buffer(check_file(self.model, "tokenizer.json"))
        self._text = TextEncoder(
            tokenizer, Session(self.model, "text_encoder.onnx", RunSettings(threads=1)), spec.text.max_tokens
        )
        self._decoder = Decoder(
            Session(self.model, "decoder.onnx", RunSettings(threads=1)), spec.decoder, SLOTS
        )
        self._codec = open_codec(folder / "codec.onnx", threads=1)

    def takes(self, jobs: Sequence[tuple[str, int]], seconds: int, sound: bool = True) -> list[Take]:
        """A take of each (prompt, seed), with the model's own sampling.

        seconds 0 makes the header only; without `sound` the audio is empty.
        """
        found: list[Take] = []
        for at in range(0, len(jobs), SLOTS):
            batch = jobs[at : at + SLOTS]
            for (prompt, seed), codes in zip(batch, self._codes(batch, seconds), strict=True):
                audio = self.play(codes, seconds) if sound and seconds else np.zeros(0, np.float32)
                found.append(Take(prompt, seed, codes, audio, read_header(codes)))
        return found

    def play(self, codes: Codes, seconds: int) -> Audio:
        """Audio of any codes in the engine's chunks, cut to `seconds` and faded where it is longer."""
        size = self.model.manifest.codec.chunk_frames
        chunks = [min(size, codes.shape[1] - at) for at in range(0, codes.shape[1], size)]
        audio = np.concatenate(decode(self._codec, codes, chunks))[: seconds * RATE]
        return fade_out(audio[None], 0, seconds * RATE, RATE)[0]

    def _codes(self, jobs: Sequence[tuple[str, int]], seconds: int) -> list[Codes]:
        spec, how = self.model.manifest.decoder, self.model.manifest.sampling
        frames = spec.max_steps - max(DELAYS) if seconds else HEADER_FRAMES
        lengths = [_Progress(self.model.manifest, seconds or HEADER_SECONDS) for _ in jobs]
        tempi = [BPM_MAX] * len(jobs)
        shape = (len(jobs), delay.steps_for(frames, DELAYS) + 1, spec.codebooks)
        columns = np.full(shape, spec.codebook_size, np.int64)
        for slot, (prompt, _) in enumerate(jobs):
            self._decoder.start(slot, self._text.encode(prompt))
        step = 0
        while step < delay.steps_for(frames, DELAYS) and not all(length.finished for length in lengths):
            for slot, length in enumerate(lengths):
                left = max(0, length.frames - 1 - step)
                self._decoder.feed(slot, step, columns[slot, step], left)
            logits = self._decoder.step(how.guidance_scale != 1.0)
            step += 1
            complete = delay.complete_frames(step, DELAYS)
            for slot, (_, seed) in enumerate(jobs):
                row = logits[0, slot]
                if how.guidance_scale != 1.0:
                    row = sampling.guide(row, logits[1, slot], how.guidance_scale)
                at = sampling.draws(seed, step - 1, spec.codebooks)
                codes = sampling.sample(row, how.temperature, how.top_k, how.top_p, at)
                filled = delay.in_frame(step, DELAYS, frames)
                columns[slot, step, filled] = codes[filled]
                if complete == HEADER_FRAMES:
                    header = read_header(delay.undelay(columns[slot], DELAYS, 0, HEADER_FRAMES).T)
                    tempi[slot] = header.bpm if header else BPM_MAX
                lengths[slot].reach(complete, tempi[slot])
        for slot in range(len(jobs)):
            self._decoder.stop(slot)
        return [
            delay.undelay(rows, DELAYS, 0, length.decoded if seconds else frames).T.copy()
            for rows, length in zip(columns, lengths, strict=True)
        ]
