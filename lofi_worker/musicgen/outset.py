"""Where a job begins: with nothing, behind a track that it continues, or behind a segment that it follows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.jobs import JobSpec
from lofi_common.manifest import Manifest
from lofi_worker.engine import Past, State
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.playing import PACE, Playing
from lofi_worker.musicgen.sequence import Sequence
from lofi_worker.musicgen.session import Session

MOVEMENTS, HEARD = "movements", "heard"
"""Of a whole track: the frames with which its movements begin, and how many of the last were heard."""
WINDOW, PLACE = "window", "place"
"""Of a segment: the codes of its last window, and how many frames lie before movement and window."""
MOST_FRAMES = 2**40
"""Of a stream: seven centuries of MusicGen's."""
LONGEST_FRAME_SEC = 10
"""Of a model that sets its own pace."""


@dataclass
class Outset:
    """A job before its first step."""

    spec: JobSpec
    sequence: Sequence
    """The frames of the last movement, and those that come."""
    playing: Playing
    base: int
    """Frames before the last movement: draws are keyed by all that lies before them."""
    frames_before: int
    """Frames of the job before the last movement; below 0: those of the movement that are not the job's."""
    end: int | None
    """Frames of the last movement, where they are known."""
    starts: list[int]
    """The frames with which the movements begin."""

    @property
    def over(self) -> bool:
        """All frames are there that ever will be."""
        if self.end is not None:
            return self.sequence.frames == self.end
        return self.sequence.full and not self.sequence.slides

    def ends_with(self, frames: int) -> bool:
        """The codec hears nothing more after these frames."""
        return self.over and not self.spec.segment and self.playing.waiting == frames


def begin(manifest: Manifest, codec: Session, spec: JobSpec, past: Past | None) -> Outset:
    """Raises ModelInferenceFailed when the past does not fit the model or the job."""
    if past is None:
        return _anew(manifest, codec, spec)
    try:
        _check_codes(manifest, past.codes)
        return _follow(manifest, codec, spec, past) if spec.segment else _go_on(manifest, codec, spec, past)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelInferenceFailed(
            f"the tokens of {spec.continue_from} can't be continued",
            details=str(error),
            recovery="Generate that track again, then continue it.",
        ) from error


def state_after(job: Outset) -> State | None:
    """What a continuation needs beside the codes of a job that has ended."""
    if job.spec.segment:
        place = np.array([job.base, job.sequence.skipped])
        return {
            **job.playing.state,
            WINDOW: job.sequence.window().astype(np.uint16),
            PLACE: place,
        }
    if job.end is not None:
        return None
    return {MOVEMENTS: np.array(job.starts), HEARD: np.array(job.playing.heard)}


def _check_codes(manifest: Manifest, codes: NDArray[np.int64]) -> None:
    if codes.ndim != 2 or codes.shape[1] != manifest.decoder.codebooks:
        raise ValueError(f"codes of the shape {codes.shape}")
    if codes.size and not 0 <= codes.min() <= codes.max() < manifest.decoder.codebook_size:
        raise ValueError(f"codes up to {codes.max()}")


def _none(manifest: Manifest) -> NDArray[np.int64]:
    return np.zeros((0, manifest.decoder.codebooks), np.int64)


def _anew(manifest: Manifest, codec: Session, spec: JobSpec) -> Outset:
    end = manifest.frames_expected(spec.duration_sec) if _fixed(manifest) else None
    sequence = Sequence(manifest, _none(manifest), end=end)
    playing = Playing(manifest, codec, spec, [_none(manifest)], end)
    return Outset(spec, sequence, playing, 0, 0, end, [0])


def _go_on(manifest: Manifest, codec: Session, spec: JobSpec, past: Past) -> Outset:
    """The whole track again, and what comes after it; a self-paced one from its last whole bar on."""
    if _fixed(manifest):
        end = manifest.frames_expected(spec.duration_sec)
        if len(past.codes) >= end:
            raise ValueError(f"{len(past.codes)} frames are no less than the {end} that are wanted")
        sequence = Sequence(manifest, past.codes, end=end)
        return Outset(spec, sequence, Playing(manifest, codec, spec, [past.codes], end), 0, 0, end, [0])
    if past.state is None:
        raise ValueError("it is not told what was heard")
    starts = [int(start) for start in past.state[MOVEMENTS]]
    if not starts or starts != sorted(starts) or not 0 <= starts[0] <= starts[-1] <= len(past.codes):
        raise ValueError(f"movements that begin at {starts}")
    movements = np.split(past.codes, starts[1:])
    movements[-1] = _whole_bars(manifest, movements[-1], int(past.state[HEARD]))
    if _changes(manifest, spec, past):
        starts.append(sum(map(len, movements)))
        movements.append(_none(manifest))
    sequence = Sequence(manifest, movements[-1])
    playing = Playing(manifest, codec, spec, movements, None)
    return Outset(spec, sequence, playing, starts[-1], starts[-1], None, starts)


def _follow(manifest: Manifest, codec: Session, spec: JobSpec, past: Past) -> Outset:
    """The next segment of a stream: new audio only, from where the last one ended."""
    if past.state is None or WINDOW not in past.state:
        raise ValueError("only a segment can be followed by a segment")
    window, base, skipped = _place(manifest, past.state)
    if _changes(manifest, spec, past):
        base += skipped + len(window)
        playing = Playing(manifest, codec, spec, [_none(manifest)], None)
        playing.follow(CodecStream(codec, past.state))
        return Outset(spec, Sequence(manifest, _none(manifest)), playing, base, 0, None, [0])
    known, end = skipped + len(window), None
    if _fixed(manifest):
        end = known + manifest.frames_expected(spec.duration_sec) - manifest.codec.header_frames
    sequence = Sequence(manifest, window, skipped, end)
    playing = Playing(manifest, codec, spec, [_none(manifest)], end, past.state)
    return Outset(spec, sequence, playing, base, -known, end, [0])


def _place(manifest: Manifest, state: State) -> tuple[NDArray[np.int64], int, int]:
    """The last window of a segment, and how many frames lie before its movement and the window.

    Raises ValueError where these, or its pace, make no sense.
    """
    codec, window = manifest.codec, state[WINDOW].astype(np.int64)
    _check_codes(manifest, window)
    base, skipped = _two(state, PLACE)
    decoded, made = _two(state, PACE)
    spec = manifest.windows()
    most = spec.frames if spec is not None else manifest.most_frames
    if not codec.header_frames < len(window) <= most:
        raise ValueError(f"a window of {len(window)} frames")
    if decoded != skipped + len(window):
        raise ValueError(f"{decoded} frames were heard of {skipped + len(window)}")
    rate = codec.frames_per_second
    if not 0 < made <= decoded * codec.sample_rate * (1 / rate if rate is not None else LONGEST_FRAME_SEC):
        raise ValueError(f"{made} samples of {decoded} frames")
    return window, base, skipped


def _two(state: State, name: str) -> tuple[int, int]:
    """Two numbers of frames or samples."""
    found = state[name]
    if found.shape != (2,) or found.dtype.kind not in "iu":
        raise ValueError(f"{name} is {found.dtype} {found.shape}")
    first, second = (int(n) for n in found)
    if not (0 <= first <= MOST_FRAMES and 0 <= second <= MOST_FRAMES * LONGEST_FRAME_SEC):
        raise ValueError(f"{name} is {first}, {second}")
    return first, second


def _fixed(manifest: Manifest) -> bool:
    return manifest.codec.frames_per_second is not None


def _changes(manifest: Manifest, spec: JobSpec, past: Past) -> bool:
    """A new movement begins: what another prompt asks for stands in another header."""
    codec = manifest.codec
    return codec.header_frames > 0 and not _fixed(manifest) and spec.prompt != past.prompt


def _whole_bars(manifest: Manifest, codes: NDArray[np.int64], heard: int) -> NDArray[np.int64]:
    """As many whole bars of a movement [frames, codebooks] as lie within the `heard` frames."""
    window, header = manifest.windows(), manifest.codec.header_frames
    bar = (window.bar_frames if window is not None else None) or 1
    return codes[: header + (min(heard, len(codes)) - header) // bar * bar]
