"""Lets a model compose a few seconds for each of some prompts, all at once, with fixed seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lofi_common.manifest import DecoderSpec
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import EncodedText, TextEncoder

STEPS = 64
GUIDANCE, TEMPERATURE, TOP_K = 3.0, 1.0, 250  # audiocraft's defaults


@dataclass(frozen=True)
class LanguageModel:
    """A folder with text_encoder.onnx and decoder.onnx, and what is needed to run them."""

    folder: Path
    tokenizer: bytes
    max_tokens: int
    spec: DecoderSpec

    def encode(self, prompts: Sequence[str], settings: RunSettings) -> list[EncodedText]:
        """The prompts as the decoder sees them; the encoder is in memory for as long as this takes.

        Raises ModelLoadFailed or ModelInferenceFailed.
        """
        session = Session.unchecked(self.folder / "text_encoder.onnx", settings)
        tokenizer = Tokenizer.from_buffer(self.tokenizer)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        encoder = TextEncoder(tokenizer, session, self.max_tokens)
        return [encoder.encode(prompt) for prompt in prompts]

    def decoder(self, settings: RunSettings) -> Session:
        """Raises ModelLoadFailed."""
        return Session.unchecked(self.folder / "decoder.onnx", settings)


@dataclass(frozen=True)
class Composition:
    """What a model composed: columns int64 [prompts, STEPS + 1, codebooks], fed one after the other, and the
    guided logits float32 [prompts, STEPS, codebooks, codebook_size] of each step."""

    columns: NDArray[np.int64]
    logits: NDArray[np.float32]

    def looped(self, delays: Sequence[int], length: int) -> NDArray[np.int64]:
        """A sequence of columns, int64 [length, codebooks]: the first ones of the first prompt, then what was
        composed after those for all prompts, over and over."""
        begin = 1 + max(delays)
        columns = np.resize(self.columns[:, begin:], (length, len(delays)))
        columns[:begin] = self.columns[0, :begin]
        return columns


def compose(session: Session, spec: DecoderSpec, texts: Sequence[EncodedText]) -> Composition:
    """Composes for each text. Raises ModelInferenceFailed."""
    columns = np.full((len(texts), STEPS + 1, spec.codebooks), spec.codebook_size, np.int64)
    seen = []
    for step, logits in enumerate(guided_steps(session, spec, texts, columns)):
        seen.append(logits)
        filled = delay.in_frame(step + 1, spec.delays, STEPS)
        for prompt in range(len(texts)):
            at = sampling.draws(prompt, step, spec.codebooks)
            codes = sampling.sample(logits[prompt], TEMPERATURE, TOP_K, 0.0, at)
            columns[prompt, step + 1, filled] = codes[filled]
    return Composition(columns, np.stack(seen, axis=1))


def guided_steps(
    session: Session, spec: DecoderSpec, texts: Sequence[EncodedText], columns: NDArray[np.int64]
) -> Iterator[NDArray[np.float32]]:
    """The guided logits [texts, codebooks, codebook_size] of each step; reads columns as it feeds them.

    Raises ModelInferenceFailed.
    """
    decoder = Decoder(session, msgspec.structs.replace(spec, max_steps=STEPS), len(texts))
    for slot, text in enumerate(texts):
        decoder.start(slot, text)
    for step in range(STEPS):
        for slot in range(len(texts)):
            decoder.feed(slot, step, columns[slot, step], STEPS)
        conditional, unconditional = decoder.step(guided=True)
        yield sampling.guide(conditional, unconditional, GUIDANCE)
