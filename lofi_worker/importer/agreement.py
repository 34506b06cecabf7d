"""How close a model's stored weights come to float32: the same prompts and codes through both.

Float32 composes a few seconds for each prompt. The other model is fed the same codes, and at every step the
two guided distributions of each codebook are compared: do they have the same favourite, and how far apart are
they. A model that differs only by rounding keeps most favourites.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lofi_common.manifest import AgreementSpec, DecoderSpec
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.decoder import Decoder
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import TextEncoder

PROMPTS = (
    "slow lo-fi beat at 80 bpm, warm electric piano, soft drums, vinyl crackle and rain",
    "80s pop track with bassy drums and synth",
    "solo classical guitar, gentle arpeggios",
    "fast techno with a hard kick and an acid bass line",
    "string quartet, sad and slow",
    "jazz trio, brushed drums, upright bass and piano",
    "heavy rock riff with distorted guitars",
    "ambient drone, deep and calm",
)
STEPS = 64
GUIDANCE, TEMPERATURE, TOP_K = 3.0, 1.0, 250  # audiocraft's defaults


@dataclass(frozen=True)
class Reference:
    """What float32 composed: columns int64 [prompts, STEPS + 1, codebooks], fed one after the other, and the
    guided logits float32 [prompts, STEPS, codebooks, codebook_size] of each step."""

    columns: NDArray[np.int64]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class LanguageModel:
    """A folder with text_encoder.onnx and decoder.onnx, and what is needed to run them."""

    folder: Path
    tokenizer: bytes
    max_tokens: int
    spec: DecoderSpec

    def text_encoder(self, settings: RunSettings) -> TextEncoder:
        """Raises ModelLoadFailed."""
        session = Session.unchecked(self.folder / "text_encoder.onnx", settings)
        tokenizer = Tokenizer.from_buffer(self.tokenizer)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return TextEncoder(tokenizer, session, self.max_tokens)

    def decoder(self, settings: RunSettings) -> Session:
        """Raises ModelLoadFailed."""
        return Session.unchecked(self.folder / "decoder.onnx", settings)


def compose(model: LanguageModel, settings: RunSettings) -> Reference:
    """Runs the model on all prompts with fixed seeds. Raises ModelLoadFailed or ModelInferenceFailed."""
    spec = model.spec
    shape = (len(PROMPTS), STEPS + 1, spec.codebooks)
    columns = np.full(shape, spec.codebook_size, np.int64)
    seen = []
    for step, logits in enumerate(_steps(model, columns, settings)):
        seen.append(logits)
        filled = delay.in_frame(step + 1, spec.delays, STEPS)
        for prompt in range(len(PROMPTS)):
            at = sampling.draws(prompt, step, spec.codebooks)
            codes = sampling.sample(logits[prompt], TEMPERATURE, TOP_K, 0.0, at)
            columns[prompt, step + 1, filled] = codes[filled]
    return Reference(columns, np.stack(seen, axis=1))


def compare(model: LanguageModel, reference: Reference, settings: RunSettings) -> AgreementSpec:
    """Feeds the reference's codes to the model. Raises ModelLoadFailed or ModelInferenceFailed."""
    same, divergence = [], []
    for step, logits in enumerate(_steps(model, reference.columns, settings)):
        filled = delay.in_frame(step + 1, model.spec.delays, STEPS)
        exact, found = reference.logits[:, step, filled], logits[:, filled]
        same.append(exact.argmax(axis=-1) == found.argmax(axis=-1))
        expected, got = _log_softmax(exact), _log_softmax(found)
        divergence.append((np.exp(expected) * (expected - got)).sum(axis=-1))
    flat = [np.concatenate([each.ravel() for each in values]) for values in (same, divergence)]
    return AgreementSpec(top1=round(float(flat[0].mean()), 4), kl=round(float(flat[1].mean()), 6))


def _steps(
    model: LanguageModel, columns: NDArray[np.int64], settings: RunSettings
) -> Iterator[NDArray[np.float32]]:
    """The guided logits [prompts, codebooks, codebook_size] of each step; reads columns as it feeds them."""
    encoder = model.text_encoder(settings)
    texts = [encoder.encode(prompt) for prompt in PROMPTS]
    del encoder  # one graph at a time in memory
    decoder = Decoder(
        model.decoder(settings), msgspec.structs.replace(model.spec, max_steps=STEPS), len(PROMPTS)
    )
    for slot, text in enumerate(texts):
        decoder.start(slot, text)
    for step in range(STEPS):
        for slot in range(len(PROMPTS)):
            decoder.feed(slot, step, columns[slot, step], STEPS)
        conditional, unconditional = decoder.step(guided=True)
        yield sampling.guide(conditional, unconditional, GUIDANCE)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
