"""How close a model's stored weights come to float32: the same prompts and codes through both.

Float32 composes a few seconds for each prompt, and one long sequence is made of what it composed. The other
model is fed the same codes, and at every step of the beginnings, and in the late stretches of the sequence,
the two guided distributions of each codebook are compared: do they have the same favourite, and how far apart
are they. A model that differs only by rounding keeps most favourites.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.logs import fields
from lofi_common.manifest import AgreementSpec, DecoderSpec
from lofi_worker.importer.compose import GUIDANCE, STEPS, Composition, LanguageModel, compose, guided_steps
from lofi_worker.importer.sequence import CodeSequence
from lofi_worker.musicgen import delay, sampling
from lofi_worker.musicgen.columns import without_prompt
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.settings import RunSettings
from lofi_worker.musicgen.text import EncodedText

log = logging.getLogger(__name__)

# None of those that the cache's scales are taken from.
PROMPTS = (
    "dusty boom bap drums, muted trumpet and a walking bass at 90 bpm",
    "cheerful folk song with banjo, fiddle and hand claps",
    "epic orchestral film score with choir and timpani",
    "bossa nova, nylon guitar and soft shaker",
    "dark drum and bass with a growling sub",
    "music box lullaby",
    "funk groove, slap bass, wah guitar and a brass section",
    "church organ fugue in a large hall",
)
LATE = (500, 1400)
"""Positions where the late stretches begin, if the model has as many: 10 s and 28 s into a track."""
STRETCH = 128


@dataclass(frozen=True)
class Reference:
    """What float32 says. beginnings: of all prompts. late: the guided logits float32 [STRETCH, codebooks,
    codebook_size] of each late stretch, by its first position."""

    beginnings: Composition
    late: dict[int, NDArray[np.float32]]


def refer(model: LanguageModel, settings: RunSettings) -> Reference:
    """Runs the float32 model. Raises ModelLoadFailed or ModelInferenceFailed."""
    texts = model.encode(PROMPTS, settings)
    session = model.decoder(settings)
    beginnings = compose(session, model.spec, texts)
    return Reference(beginnings, dict(_late(session, model.spec, texts[0], beginnings)))


def compare(model: LanguageModel, reference: Reference, settings: RunSettings) -> AgreementSpec:
    """Feeds the reference's codes to the model: the mean over the beginnings and each late stretch, which
    count alike. Raises ModelLoadFailed or ModelInferenceFailed."""
    texts = model.encode(PROMPTS, settings)
    session = model.decoder(settings)
    exact = reference.beginnings
    early = _Tally()
    for step, logits in enumerate(guided_steps(session, model.spec, texts, exact.columns)):
        filled = delay.in_frame(step + 1, model.spec.delays, STEPS)
        early.add(exact.logits[:, step, filled], logits[:, filled])
    tallies = {0: early}
    for start, logits in _late(session, model.spec, texts[0], exact):
        tallies[start] = _Tally()
        tallies[start].add(reference.late[start], logits)
    for start, tally in tallies.items():
        log.info(fields("agreement", position=start, top1=round(tally.top1, 4), kl=round(tally.kl, 6)))
    top1 = float(np.mean([tally.top1 for tally in tallies.values()]))
    kl = float(np.mean([tally.kl for tally in tallies.values()]))
    return AgreementSpec(top1=round(top1, 4), kl=round(kl, 6))


class _Tally:
    """Equal favourites and divergences of one stretch."""

    def __init__(self) -> None:
        self._same: list[NDArray[np.bool_]] = []
        self._divergence: list[NDArray[np.float64]] = []

    def add(self, exact: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Logits [..., codebook_size] of the same steps."""
        self._same.append((exact.argmax(axis=-1) == found.argmax(axis=-1)).ravel())
        expected, got = _log_softmax(exact), _log_softmax(found)
        self._divergence.append((np.exp(expected) * (expected - got)).sum(axis=-1).ravel())

    @property
    def top1(self) -> float:
        return float(np.concatenate(self._same).mean())

    @property
    def kl(self) -> float:
        return float(np.concatenate(self._divergence).mean())


def _late(
    session: Session, spec: DecoderSpec, text: EncodedText, composed: Composition
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The guided logits of each late stretch, and its first position: all codes before it are fed first."""
    starts = [start for start in LATE if start + STRETCH <= spec.max_steps]
    if not starts:
        return
    end = starts[-1] + STRETCH
    columns = composed.looped(spec.delays, end)
    conditional, unconditional = (
        _stretches(session, spec, each, columns, starts) for each in (text, without_prompt(text))
    )
    for start in starts:
        yield start, sampling.guide(conditional[start], unconditional[start], GUIDANCE)


def _stretches(
    session: Session,
    spec: DecoderSpec,
    text: EncodedText,
    columns: NDArray[np.int64],
    starts: list[int],
) -> dict[int, NDArray[np.float32]]:
    """The logits [STRETCH, codebooks, codebook_size] of the stretches that begin at these positions."""
    sequence = CodeSequence(session, spec, len(columns))
    found = {}
    at = 0
    while at < len(columns):
        end = min([at + STRETCH, *(start for start in starts if start > at)])
        logits = sequence.run(text, columns[at:end], at)
        if at in starts:
            found[at] = logits
        at = end
    return found


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
