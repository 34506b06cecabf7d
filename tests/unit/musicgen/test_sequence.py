"""Windows of a sequence, with literal matrices: two codebooks, the second one a step late; · is 9."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.manifest import CodecSpec, Manifest, WindowSpec
from lofi_worker.musicgen.sequence import Sequence
from tests.unit.musicgen.test_track_arithmetic import FIXED


def model(frames: int, stride: int, header: int = 0) -> Manifest:
    return msgspec.structs.replace(
        FIXED,
        decoder=msgspec.structs.replace(
            FIXED.decoder, codebooks=2, codebook_size=9, delays=[0, 1], max_steps=64
        ),
        codec=CodecSpec(
            sample_rate=8000, channels=1, chunk_frames=4, header_frames=header, max_frames_per_second=2
        ),
        window=WindowSpec(frames=frames, stride=stride),
    )


NONE = np.zeros((0, 2), np.int64)


def fed(sequence: Sequence, start: int, stop: int) -> list[list[int]]:
    """The columns by codebooks, as they are drawn."""
    columns: list[list[int]] = sequence.columns(start, stop).T.tolist()
    return columns


def push(sequence: Sequence, *codes: tuple[int, int]) -> list[list[int]]:
    """The frames that these samples made complete."""
    found: list[NDArray[np.int64]] = [sequence.push(np.array(each)) for each in codes]
    complete: list[list[int]] = np.concatenate(found).tolist()
    return complete


def test_a_window_fills_and_the_next_one_begins_with_its_end() -> None:
    sequence = Sequence(model(3, 2), NONE, end=6)
    assert push(sequence, (1, 8), (2, 1)) == [[1, 1]]
    assert (sequence.frames, sequence.position, sequence.full) == (1, 2, False)
    assert push(sequence, (3, 2), (8, 3)) == [[2, 2], [3, 3]]
    assert fed(sequence, 0, 5) == [[9, 1, 2, 3, 9], [9, 9, 1, 2, 3]]
    assert sequence.full and sequence.frames == 3

    sequence.slide()
    assert (sequence.skipped, sequence.position, sequence.prefilled, sequence.frames) == (2, 1, 0, 3)
    assert fed(sequence, 0, 3) == [[9, 3, 9], [9, 9, 3]]  # the delayed code of the prompt is known
    assert push(sequence, (4, 8), (5, 4), (8, 5)) == [[4, 4], [5, 5]]
    assert fed(sequence, 0, 5) == [[9, 3, 4, 5, 9], [9, 9, 3, 4, 5]]

    sequence.slide()
    assert push(sequence, (6, 8), (8, 6)) == [[6, 6]]  # the sixth is the last
    assert sequence.full and sequence.frames == 6
    assert fed(sequence, 0, 4) == [[9, 5, 6, 9], [9, 9, 5, 6]]


def test_the_header_stays_in_front() -> None:
    sequence = Sequence(model(4, 1, header=2), NONE)
    push(sequence, *((n, n - 1) for n in range(1, 6)))
    assert sequence.window().tolist() == [[1, 1], [2, 2], [3, 3], [4, 4]]
    sequence.slide()
    assert fed(sequence, 0, 5) == [[9, 1, 2, 4, 9], [9, 9, 1, 2, 4]]
    assert (sequence.skipped, sequence.position, sequence.frames) == (1, 3, 4)
    assert push(sequence, (5, 8), (8, 5)) == [[5, 5]]


@pytest.mark.parametrize(
    ("known", "window", "skipped"), [(2, 2, 0), (3, 1, 2), (4, 2, 2), (5, 1, 4), (8, 2, 6)]
)
def test_a_known_past_falls_into_the_windows_that_it_was_made_in(
    known: int, window: int, skipped: int
) -> None:
    past = np.arange(known)[:, None] % 9 * np.ones(2, np.int64)
    sequence = Sequence(model(3, 2), past)
    assert (len(sequence.window()), sequence.skipped, sequence.frames) == (window, skipped, known)
    assert sequence.window().tolist() == past[skipped:].tolist()
    again = Sequence(model(3, 2), sequence.window(), sequence.skipped)
    assert (again.window().tolist(), again.frames) == (past[skipped:].tolist(), known)


def test_only_a_full_window_slides() -> None:
    with pytest.raises(ValueError, match="full"):
        Sequence(model(3, 2), NONE).slide()
    alone = Sequence(msgspec.structs.replace(model(3, 2), window=None), NONE)
    assert not alone.slides
    push(alone, *[(1, 1)] * 64)
    assert alone.full and alone.frames == 63
    with pytest.raises(ValueError, match="full"):
        alone.slide()
