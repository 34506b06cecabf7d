"""Runs a model folder on prompts and keeps codes beside audio, through the engine's own parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lofi_common.manifest import Model, check_file, read_model
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import TextEncoder
from training.attributes import Attributes
from training.codec.stream import decode, open_codec
from training.tokens import DELAYS, HEADER_FRAMES, Codes, TokenError, decode_header

RATE = 32_000
SLOTS = 8


@dataclass(frozen=True, slots=True)
class Take:
    """One track: codes int64 [4, frames], audio float32 [seconds * RATE], header None where it is illegal."""

    prompt: str
    seed: int
    codes: Codes
    audio: NDArray[np.float32]
    header: Attributes | None


def frames_for(seconds: float, bpm: int) -> int:
    """Frames that fill `seconds` at a tempo."""
    return HEADER_FRAMES + math.ceil(seconds * bpm * 4 / 60) + 1


def read_header(codes: Codes) -> Attributes | None:
    try:
        return decode_header(codes)
    except TokenError:
        return None


class Player:
    """A model folder ready to make takes."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.model: Model = read_model(folder)
        spec = self.model.manifest
        tokenizer = Tokenizer.from_buffer(check_file(self.model, "tokenizer.json"))
        self._text = TextEncoder(
            tokenizer, Session(self.model, "text_encoder.onnx", threads), spec.text.max_tokens
        )
        self._decoder = Decoder(Session(self.model, "decoder.onnx", threads), spec.decoder, SLOTS)
        self._codec = open_codec(folder / "codec.onnx", threads)

    def takes(self, jobs: Sequence[tuple[str, int]], seconds: float) -> list[Take]:
        """A take of each (prompt, seed), with the model's own sampling; seconds 0 stops after the header."""
        found: list[Take] = []
        for at in range(0, len(jobs), SLOTS):
            batch = jobs[at : at + SLOTS]
            found += [
                self._finish(p, s, c, seconds)
                for (p, s), c in zip(batch, self._codes(batch, seconds), strict=True)
            ]
        return found

    def play(self, codes: Codes, seconds: float) -> NDArray[np.float32]:
        """Audio of any codes, cut to `seconds` where it is longer."""
        return decode(self._codec, codes)[0][: int(seconds * RATE)]

    def _finish(self, prompt: str, seed: int, codes: Codes, seconds: float) -> Take:
        return Take(prompt, seed, codes, self.play(codes, seconds), read_header(codes))

    def _codes(self, jobs: Sequence[tuple[str, int]], seconds: float) -> list[Codes]:
        spec, how = self.model.manifest.decoder, self.model.manifest.sampling
        most = HEADER_FRAMES if seconds == 0 else frames_for(seconds, 95)
        columns = np.full(
            (len(jobs), delay.steps_for(most, DELAYS) + 1, spec.codebooks), spec.codebook_size, np.int64
        )
        for slot, (prompt, _) in enumerate(jobs):
            self._decoder.start(slot, self._text.encode(prompt))
        needed = [most] * len(jobs)
        step = 0
        while step < delay.steps_for(max(needed), DELAYS):
            for slot in range(len(jobs)):
                self._decoder.feed(slot, step, columns[slot, step])
            logits = self._decoder.step(how.guidance_scale != 1.0)
            step += 1
            for slot, (_, seed) in enumerate(jobs):
                row = logits[0, slot]
                if how.guidance_scale != 1.0:
                    row = sampling.guide(row, logits[1, slot], how.guidance_scale)
                at = sampling.draws(seed, step - 1, spec.codebooks)
                codes = sampling.sample(row, how.temperature, how.top_k, how.top_p, at)
                filled = delay.in_frame(step, DELAYS, most)
                columns[slot, step, filled] = codes[filled]
            if step == delay.steps_for(HEADER_FRAMES, DELAYS) and seconds > 0:
                headers = [read_header(delay.undelay(c, DELAYS, 0, HEADER_FRAMES).T) for c in columns]
                needed = [frames_for(seconds, h.bpm) if h else most for h in headers]
        for slot in range(len(jobs)):
            self._decoder.stop(slot)
        return [delay.undelay(c, DELAYS, 0, n).T.copy() for c, n in zip(columns, needed, strict=True)]
