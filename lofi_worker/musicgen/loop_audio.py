"""From the codes of a loop to its audio: the pass that follows upon itself."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lofi_common.manifest import CodecSpec
from lofi_worker.musicgen.codec import CodecStream

MIX_SEC = 0.04
WARM_SEC = 10.0
"""By then a codec that evens out loudness has settled: from pass to pass it moves by 0.2 dB at most."""

Audio = NDArray[np.float32]
Codes = NDArray[np.int64]


def loop_audio(stream: CodecStream, spec: CodecSpec, header: Codes, body: Codes) -> Iterator[Audio | None]:
    """The audio of a loop, float32 [channels, samples], after a None for each run of the codec before it.

    header: the codes that make no sound, [frames, codebooks]; body: those that repeat. They go through one
    codec stream again and again, and the last whole pass is given: at its beginning the end is still ringing.
    What does not repeat with the codes (noise, slow modulation, the level) is carried over the seam: it
    begins as the pass behind it does, which is what its end leads into, and passes into its own beginning
    within MIX_SEC. New notes begin there, so that both are more alike than they would be at the end.

    A codec of a fixed rate may give its audio some frames late; others give all that they have got at once.
    Raises ModelInferenceFailed when the graph fails.
    """
    mixed = round(MIX_SEC * spec.sample_rate)
    length = round(len(body) * spec.sample_rate / spec.frames_per_second) if spec.frames_per_second else None
    if len(header):
        stream.push(header, False)
    passes, done = 0, 0
    while passes == 0 or passes * (length or done / passes) < WARM_SEC * spec.sample_rate:
        for piece in _pass(stream, spec, body):
            done += piece.shape[1]
            yield None
        passes += 1
    late = passes * length - done if length is not None else 0
    pieces: list[Audio] = []
    for piece in _pass(stream, spec, body):
        pieces.append(piece)
        yield None
    if length is None:
        length = sum(piece.shape[1] for piece in pieces)
    while sum(piece.shape[1] for piece in pieces) < late + length + mixed:
        for piece in _pass(stream, spec, body[: spec.chunk_frames]):
            pieces.append(piece)
            yield None
    audio = np.concatenate(pieces, axis=1)[:, late : late + length + mixed]
    audio[:, :mixed] = pass_into(audio[:, length:], audio[:, :mixed])
    yield audio[:, :length]


def pass_into(first: Audio, second: Audio) -> Audio:
    """`first` fading into `second`, both [channels, samples], at an even level.

    Equal gain where the two are alike, equal power where they have nothing in common.
    """
    fall = 0.5 + 0.5 * np.cos(np.pi * (np.arange(first.shape[1]) + 0.5) / first.shape[1])
    rise = 1 - fall
    powers = float(np.square(first, dtype=np.float64).sum() * np.square(second, dtype=np.float64).sum())
    alike = float((first.astype(np.float64) * second).sum()) / np.sqrt(powers) if powers > 0 else 1.0
    power = fall**2 + rise**2 + 2 * fall * rise * max(0.0, alike)
    mixed: Audio = ((fall * first + rise * second) / np.sqrt(power)).astype(np.float32)
    return mixed


def _pass(stream: CodecStream, spec: CodecSpec, body: Codes) -> Iterator[Audio]:
    for start in range(0, len(body), spec.chunk_frames):
        yield stream.push(body[start : start + spec.chunk_frames], False)
