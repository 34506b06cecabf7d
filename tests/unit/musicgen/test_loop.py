"""Loops: which part is chosen, and how its audio is made to follow upon itself."""

from __future__ import annotations

import tracemalloc
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common.manifest import CodecSpec
from lofi_worker.musicgen.codec import CodecStream
from lofi_worker.musicgen.loop import choose_alike, choose_bars, jump_of_loop, lengths_in_bars
from lofi_worker.musicgen.loop_audio import MIX_SEC, WARM_SEC, loop_audio, pass_into

RATE = 8_000
Floats = NDArray[np.floating]


@pytest.mark.parametrize(
    ("duration", "bar", "lengths"),
    [(30, 2.7, [11, 12]), (20, 4, [4, 5, 6]), (5, 4, [1, 2]), (5, 20, [1]), (30, 2.5, [11, 12, 13])],
)
def test_lengths_in_bars_are_at_most_a_bar_off(duration: float, bar: float, lengths: list[int]) -> None:
    assert lengths_in_bars(duration, bar) == lengths


def music(pattern: str, bar: int, level: Floats | None = None) -> Floats:
    """[samples]: for each letter a bar that begins with a stroke; the same letters sound alike."""
    bars = []
    for place, letter in enumerate(pattern):
        random = np.random.default_rng(ord(letter))
        time = np.arange(bar) / RATE
        tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in random.uniform(100, 3_000, 4))
        stroke = random.standard_normal(bar) * np.exp(-time * 20)
        bars.append((0.05 * tones + 0.2 * stroke) * (1.0 if level is None else level[place]))
    return np.concatenate(bars)


def test_a_thin_opening_is_left_out() -> None:
    thin = np.array([0.02] * 4 + [1.0] * 12)
    best = choose_bars(music("abcdabcdabcdabcd", RATE, thin), RATE, RATE, 8.2)[0]
    assert best.length == 8 and best.start in (4, 8)


def test_a_loop_is_whole_phrases_where_the_duration_allows() -> None:
    """Where nothing else speaks for a length: all bars sound alike."""
    sound = music("a" * 24, RATE)
    best = choose_bars(sound, RATE, RATE, 11.3)[0]
    assert best.length == 12 and best.start % 4 == 0
    assert choose_bars(sound, RATE, RATE, 10.0)[0].length == 10  # neither 9 nor 11
    assert choose_bars(sound, RATE, RATE, 2.5)[0].length == 2


def test_what_follows_the_end_decides() -> None:
    """Only what was played twice leads into itself."""
    best = choose_bars(music("xyzw" + "efgh" + "efgh" + "uvst", RATE), RATE, RATE, 4.0)[0]
    assert best.length == 4 and 4 <= best.start <= 8


def test_the_bodies_are_tried_in_order_and_all_fit() -> None:
    bodies = choose_bars(music("abcdefghabcd", RATE), RATE, RATE, 4.5)
    assert len(bodies) == len(set(bodies)) == (12 - 4 + 1) + (12 - 5 + 1)
    assert all(body.start + body.length <= 12 for body in bodies)


def test_a_bar_may_last_a_fraction_of_a_sample() -> None:
    bar = RATE * 4 / 3 + 0.49
    sound = np.concatenate([music("abcd", round(bar)), music("abcd", round(bar)), music("ab", round(bar))])
    assert choose_bars(sound, RATE, bar, 5)[0].length == 4


@pytest.mark.parametrize(("bar_sec", "duration_sec"), [(None, 6.1), (1.62, 6.1)])
def test_music_without_known_bars_repeats_where_it_is_most_alike(
    bar_sec: float | None, duration_sec: float
) -> None:
    """It repeats every 6.48 s, which are four bars of 1.62 s; nothing else is alike."""
    period = round(1.62 * RATE)
    random = np.random.default_rng(2)
    sound = music("abcd" * 3, period)[: 10 * RATE]
    sound = np.concatenate([0.1 * random.standard_normal(RATE), sound])
    best = choose_alike(sound, RATE, 50, duration_sec, bar_sec)[0]
    assert best.length == 324 and best.start >= 45


def test_a_piece_that_is_too_short() -> None:
    with pytest.raises(ValueError, match="have no body"):
        choose_bars(music("ab", RATE), RATE, RATE, 8)
    with pytest.raises(ValueError, match="have no body"):
        choose_alike(music("ab", RATE), RATE, 50, 8, None)


def test_the_jump_of_a_loop_beside_those_inside() -> None:
    even = music("abab", RATE)
    places = RATE * np.arange(1, 4)
    assert jump_of_loop(even, RATE, places) == pytest.approx(1, abs=0.02)
    fading = even * np.linspace(0.001, 1, len(even)) ** 2
    assert jump_of_loop(fading, RATE, places) > 2


@pytest.mark.parametrize("same", [True, False])
def test_one_sound_passes_into_another_at_an_even_level(same: bool) -> None:
    random = np.random.default_rng(4)
    one, other = random.standard_normal((2, 2, 40_000)).astype(np.float32)
    mixed = pass_into(one, one if same else other)
    parts = np.square(mixed).reshape(2, 20, -1).mean(axis=(0, 2))
    assert 10 * np.abs(np.log10(parts)).max() < 0.25
    assert np.abs(mixed[:, 0] - one[:, 0]).max() < 1e-3
    assert np.abs(mixed[:, -1] - (one if same else other)[:, -1]).max() < 1e-3
    assert not pass_into(0 * one, 0 * one).any()


class Ringing:
    """In a codec's place: 100 samples a frame that ring for three frames, on a hum that never repeats."""

    def __init__(self, late: int) -> None:
        self._late = late  # samples that wait for the frames behind them
        self._frames: list[int] = []
        self._given = 0
        self.pushed = 0

    def push(self, codes: NDArray[np.int64], last: bool) -> NDArray[np.float32]:
        assert not last and len(codes)
        self.pushed += len(codes)
        self._frames += [int(code) for code in codes[:, 0]]
        struck = np.zeros(100 * len(self._frames))
        struck[::100] = self._frames
        sound = np.convolve(struck, np.exp(-np.arange(300) / 60))[: len(struck)]
        sound += 3 * np.sin(np.arange(len(struck)) * 0.01)
        new = sound[self._given : max(self._given, len(sound) - self._late)]
        self._given += len(new)
        return new[np.newaxis].astype(np.float32)


def spec_of(late: int, chunk_frames: int = 7) -> CodecSpec:
    """Of the codec above, which has a fixed rate where it is late."""
    rates = {"frames_per_second": 100.0} if late else {"max_frames_per_second": 100.0}
    return CodecSpec(sample_rate=10_000, channels=1, chunk_frames=chunk_frames, header_frames=0, **rates)


@pytest.mark.parametrize("late", [0, 250])
@pytest.mark.parametrize("frames", [40, 210])
def test_the_end_rings_on_at_the_beginning(late: int, frames: int) -> None:
    body = np.random.default_rng(frames).integers(1, 9, (frames, 1))
    stream = Ringing(late)
    *runs, audio = loop_audio(cast(CodecStream, stream), spec_of(late), body[:0], body)
    assert runs and all(run is None for run in runs) and audio is not None
    assert audio.shape == (1, 100 * frames)
    warm = -(-WARM_SEC * 100 // frames) * frames
    assert warm + frames <= stream.pushed <= warm + frames + 14
    # What repeats is that of an endless repetition.
    struck = np.zeros(300 * frames)
    struck[::100] = np.tile(body[:, 0], 3)
    steady = np.convolve(struck, np.exp(-np.arange(300) / 60))[100 * frames : 200 * frames]
    hum = audio[0] - steady
    mixed = round(MIX_SEC * 10_000)
    assert np.abs(hum[mixed:]).max() < 3.01 and np.abs(hum[:mixed]).max() < 4
    # What does not repeat goes on without a step: it moves by at most 0.03 from sample to sample.
    assert abs(hum[0] - hum[-1]) < 0.05 and np.abs(np.diff(hum[mixed - 1 :])).max() < 0.031


def test_a_header_is_said_once() -> None:
    pushed: list[list[int]] = []

    class Listening(Ringing):
        def push(self, codes: NDArray[np.int64], last: bool) -> NDArray[np.float32]:
            pushed.append([int(code) for code in codes[:, 0]])
            return super().push(codes, last) if codes[0, 0] < 90 else np.zeros((1, 0), np.float32)

    header, body = np.array([[97], [98]]), np.arange(1, 21)[:, np.newaxis]
    *_, audio = loop_audio(cast(CodecStream, Listening(0)), spec_of(0, 20), header, body)
    assert audio is not None and audio.shape == (1, 2_000)
    assert pushed[0] == [97, 98] and all(chunk == body[:, 0].tolist() for chunk in pushed[1:])


def test_a_jump_takes_no_more_memory_than_two_copies_of_the_loop() -> None:
    sound = np.zeros(120 * RATE, np.float32)
    tracemalloc.start()
    try:
        jump_of_loop(sound, RATE, np.arange(1, 10) * RATE)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * sound.nbytes
    finally:
        tracemalloc.stop()
