import numpy as np
import pytest

from lofi_worker.musicgen.delay import complete_frames, in_frame, steps_for, undelay

MONO = [0, 1, 2, 3]
STEREO = [0, 0, 1, 1, 2, 2, 3, 3]

# Four frames; the table of delay.py, by column.
MONO_TABLE = """
    · · · ·
    a · · ·
    b a · ·
    c b a ·
    d c b a
    · d c b
    · · d c
    · · · d
"""
STEREO_TABLE = """
    · · · · · · · ·
    a a · · · · · ·
    b b a a · · · ·
    c c b b a a · ·
    d d c c b b a a
    · · d d c c b b
    · · · · d d c c
    · · · · · · d d
"""


def columns_of(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


@pytest.mark.parametrize(("delays", "table"), [(MONO, MONO_TABLE), (STEREO, STEREO_TABLE)])
def test_which_codebooks_are_in_their_frames(delays: list[int], table: str) -> None:
    columns = columns_of(table)
    assert len(columns) == steps_for(4, delays) + 1
    for column, cells in enumerate(columns):
        assert in_frame(column, delays, frames=4).tolist() == [cell != "·" for cell in cells]


@pytest.mark.parametrize(("delays", "table"), [(MONO, MONO_TABLE), (STEREO, STEREO_TABLE)])
def test_frames_come_out_of_the_columns(delays: list[int], table: str) -> None:
    letters = {"·": 64, "a": 0, "b": 1, "c": 2, "d": 3}
    columns = np.array([[letters[cell] for cell in cells] for cells in columns_of(table)])
    frames = undelay(columns, delays, 0, 4)
    assert frames.tolist() == [[frame] * len(delays) for frame in range(4)]
    assert undelay(columns, delays, 1, 3).tolist() == [[1] * len(delays), [2] * len(delays)]


def test_a_frame_is_complete_with_its_last_codebook() -> None:
    assert [complete_frames(column, MONO) for column in range(8)] == [0, 0, 0, 0, 1, 2, 3, 4]
    assert [complete_frames(column, [0, 0]) for column in range(3)] == [0, 1, 2]


def test_ten_seconds_of_musicgen_take_503_steps() -> None:
    assert steps_for(500, MONO) == 503
    assert steps_for(500, STEREO) == 503
