"""The judge hears planted failures, and finds nothing wrong with composed tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.attributes import BPM_MIN, NOTES, Attributes
from training.codec.stream import decode, open_codec
from training.draws import track
from training.judge.clicks import clicks, clips
from training.judge.features import faults, measure
from training.judge.pitch import RATE, Audio, chroma, scale_share
from training.tokens import HEADER_FRAMES, HEADER_STARTS

FOLDER = Path(__file__).parents[2] / "lofi_worker" / "models" / "lofi-tiny"


@pytest.fixture(scope="module")
def tracks() -> list[tuple[Attributes, Audio]]:
    """Three composed tracks with drums and nothing around the music, 20 s each."""
    codec = open_codec(FOLDER / "codec.onnx")
    found: list[tuple[Attributes, Audio]] = []
    index = 0
    while len(found) < 3:
        attributes, codes = track(2, 200 + index, bars=8)
        index += 1
        around = attributes.vinyl or attributes.rain or attributes.cafe or attributes.night
        if attributes.drums == "boombap" and not attributes.ending and not around:
            found.append((attributes, decode(codec, codes)[0][: 20 * RATE]))
    return found


def sine(pitch: int) -> Audio:
    time = np.arange(4 * RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)).astype(np.float32)


def test_composed_tracks_have_no_fault(tracks: list[tuple[Attributes, Audio]]) -> None:
    for attributes, audio in tracks:
        assert faults(audio, attributes.bpm) == []
        assert abs(measure(audio).bpm / attributes.bpm - 1) < 0.02
        assert clicks(audio) == 0


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


def test_clipping_is_heard_at_full_scale_and_below(tracks: list[tuple[Attributes, Audio]]) -> None:
    for _, audio in tracks:
        assert not clips(audio)
        assert clips(np.clip(audio * 9, -1, 1))
        assert clips(np.clip(audio, -0.2, 0.2))
    assert any("clips" in fault for fault in faults(np.clip(tracks[0][1] * 9, -1, 1)))


@pytest.mark.parametrize("step", [0.15, -0.3])
def test_a_step_in_the_wave_is_a_click(tracks: list[tuple[Attributes, Audio]], step: float) -> None:
    for _, audio in tracks:
        quiet = int(np.abs(audio[RATE : 19 * RATE]).reshape(-1, 1_000).max(axis=1).argmin()) * 1_000 + RATE
        broken = audio.copy()
        broken[quiet:] += step * np.exp(-np.arange(len(audio) - quiet) / 600).astype(np.float32)
        assert clicks(broken) == 1


def test_the_tempo_of_a_click_track_is_found() -> None:
    for bpm in (62.0, 77.5, 94.0):
        beats = np.zeros(20 * RATE, np.float32)
        places = (np.arange(int(20 * bpm / 60)) * 60 / bpm * RATE).astype(int)
        for place in places:
            size = len(beats[place : place + 800])
            beats[place : place + 800] += (
                0.5 * np.sin(np.arange(size) / 5) * np.exp(-np.arange(size) / 200)
            ).astype(np.float32)
        assert abs(measure(beats).bpm / bpm - 1) < 0.01


@pytest.mark.parametrize("pitch", [*range(40, 52), 60, 71])
def test_a_note_is_heard_in_its_own_pitch_class(pitch: int) -> None:
    """Down to E2 at 82 Hz, where semitones lie 5 Hz apart."""
    assert scale_share(*chroma(sine(pitch)), frozenset({pitch % 12})) > 0.98, NOTES[pitch % 12]


@pytest.mark.parametrize("low", [40, 43, 45, 47])
def test_bass_notes_a_semitone_apart_are_both_heard(low: int) -> None:
    """What the long window is for: 82 and 87 Hz lie in one peak of the short one."""
    heard = chroma(sine(low) + sine(low + 1))
    assert min(scale_share(*heard, frozenset({pitch % 12})) for pitch in (low, low + 1)) > 0.45


def test_a_slower_header_makes_a_slower_track() -> None:
    codes = track(2, 200, bars=8)[1]
    codes[0, 0] = HEADER_STARTS[0][0]
    audio = decode(open_codec(FOLDER / "codec.onnx"), codes)[0]
    assert len(audio) == (codes.shape[1] - HEADER_FRAMES) * 480_000 // BPM_MIN
