"""The judge hears planted failures, and finds nothing wrong with composed tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.attributes import BPM_MIN, Attributes
from training.codec.stream import decode, open_codec
from training.draws import track
from training.judge.features import RATE, faults, measure
from training.tokens import FIRST_HEADER, HEADER_FRAMES

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def tracks() -> list[tuple[Attributes, Audio]]:
    """Three composed tracks with drums, 20 s each."""
    codec = open_codec(FOLDER / "codec.onnx")
    found: list[tuple[Attributes, Audio]] = []
    index = 0
    while len(found) < 3:
        attributes, codes = track(2, 200 + index, bars=8)
        index += 1
        if attributes.drums == "boombap" and attributes.density == "medium":
            found.append((attributes, decode(codec, codes)[0][: 20 * RATE]))
    return found


def test_composed_tracks_have_no_fault(tracks: list[tuple[Attributes, Audio]]) -> None:
    for attributes, audio in tracks:
        assert faults(audio, attributes.bpm) == []
        assert abs(measure(audio).bpm / attributes.bpm - 1) < 0.02


def test_silence_is_heard(tracks: list[tuple[Attributes, Audio]]) -> None:
    audio = tracks[0][1].copy()
    audio[8 * RATE : 12 * RATE] = 0
    assert any("silent" in fault for fault in faults(audio))


def test_a_wrong_tempo_is_heard(tracks: list[tuple[Attributes, Audio]]) -> None:
    attributes, audio = tracks[0]
    assert any("tempo" in fault for fault in faults(audio, attributes.bpm * 1.08))


def test_noise_is_heard() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(20 * RATE)).astype(np.float32)
    found = faults(noise)
    assert any("noise" in fault for fault in found)
    assert any("no key" in fault for fault in found)
    assert any("nothing recurs" in fault for fault in found)


def test_one_bar_for_ever_is_heard(tracks: list[tuple[Attributes, Audio]]) -> None:
    attributes, audio = tracks[1]
    bar = round(4 * 60 / attributes.bpm * RATE)
    loop = np.tile(audio[bar : 2 * bar], 12)[: 20 * RATE]
    assert any("one bar" in fault for fault in faults(loop, attributes.bpm))


def test_a_wrong_level_is_heard(tracks: list[tuple[Attributes, Audio]]) -> None:
    audio = tracks[2][1]
    assert any("level" in fault for fault in faults(audio * np.float32(0.2)))
    assert any("clips" in fault for fault in faults(np.clip(audio * 9, -1, 1).astype(np.float32)))


def test_the_tempo_of_a_click_track_is_found() -> None:
    for bpm in (62.0, 77.5, 94.0):
        clicks = np.zeros(20 * RATE, np.float32)
        places = (np.arange(int(20 * bpm / 60)) * 60 / bpm * RATE).astype(int)
        for place in places:
            size = len(clicks[place : place + 800])
            clicks[place : place + 800] += (
                0.5 * np.sin(np.arange(size) / 5) * np.exp(-np.arange(size) / 200)
            ).astype(np.float32)
        assert abs(measure(clicks).bpm / bpm - 1) < 0.01


def test_a_slower_header_makes_a_slower_track() -> None:
    codes = track(2, 200, bars=8)[1]
    codes[0, 0] = FIRST_HEADER[0]
    audio = decode(open_codec(FOLDER / "codec.onnx"), codes)[0]
    assert len(audio) == (codes.shape[1] - HEADER_FRAMES) * 480_000 // BPM_MIN
