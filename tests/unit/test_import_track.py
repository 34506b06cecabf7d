"""What is read of a sound file that is to become a track, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from lofi_common.errors import CacheWriteError, InvalidDuration, InvalidParams, LofiError
from lofi_common.imports import read_story
from lofi_common.jobs import AudioFormat
from lofi_worker import import_track
from lofi_worker.engine import Bar
from lofi_worker.import_track import take

RATE = 44_100


def tone(seconds: float = 1.5, channels: int = 2) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = (0.5 * np.sin(2 * np.pi * 997 * time)).astype(np.float32)
    return np.repeat(wave[:, None], channels, axis=1)


def write(
    path: Path, audio: NDArray[np.float32], kind: str, subtype: str, rate: int = RATE, **words: str
) -> Path:
    with soundfile.SoundFile(path, "w", rate, audio.shape[1], subtype=subtype, format=kind) as file:
        for name, text in words.items():
            setattr(file, name, text)
        file.write(audio)
    return path


@pytest.mark.parametrize(
    ("kind", "subtype", "found"),
    [
        ("WAV", "PCM_16", AudioFormat.WAV),
        ("WAV", "PCM_24", AudioFormat.WAV),
        ("WAVEX", "FLOAT", AudioFormat.WAV),
        ("FLAC", "PCM_24", AudioFormat.FLAC),
        ("OGG", "VORBIS", AudioFormat.OGG),
        ("MP3", "MPEG_LAYER_III", AudioFormat.MP3),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_each_format_is_copied_and_measured(
    tmp_path: Path, kind: str, subtype: str, found: AudioFormat, channels: int
) -> None:
    source = write(tmp_path / "a song", tone(channels=channels), kind, subtype, title="Été 夜")
    read = take(source, tmp_path / "copy", 0)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    assert (read.format, read.sample_rate, read.samples) == (found, RATE, round(1.5 * RATE))
    assert read.bytes == source.stat().st_size and abs(read.peak - 0.5) < 0.05
    # A sine of full scale has −3.01 LUFS in one channel, and 3 dB more in two.
    assert read.loudness_lufs is not None
    assert abs(read.loudness_lufs - (-9.0 + 3.0 * (channels - 1))) < 0.7
    assert read.title == "Été 夜" or kind == "MP3"  # libsndfile writes Latin-1 there


Bad = Callable[[Path], object]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "can't be imported"),
        (lambda path: path.write_text("no sound at all " * 100), "can't be imported"),
        (lambda path: write(path, tone(0), "WAV", "PCM_16"), "it holds no sound"),
        (lambda path: write(path, tone(), "AIFF", "PCM_16"), "it is AIFF"),
        (lambda path: write(path, tone(), "WAV", "ALAW"), "it is WAV, ALAW"),
        (lambda path: write(path, tone(), "OGG", "OPUS", 48_000), "it is OGG, OPUS"),
        (lambda path: write(path, tone(channels=6), "WAV", "PCM_16"), "6 channels"),
        (lambda path: write(path, tone(), "WAV", "PCM_16", 384_000), "384000 Hz"),
        (lambda path: path.mkdir(), "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: None, "can't be read: No such file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_sound_of_a_known_kind_is_refused(tmp_path: Path, make: Bad, words: str) -> None:
    make(tmp_path / "it")
    with pytest.raises(InvalidParams, match=words):
        take(tmp_path / "it", tmp_path / "copy", 0)


def test_limits_of_length_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "it", tone(3), "WAV", "PCM_16")
    with pytest.raises(CacheWriteError, match="larger than all of the library"):
        take(source, tmp_path / "large", 1000)
    monkeypatch.setattr(import_track, "MOST_SEC", 2)
    with pytest.raises(InvalidDuration):
        take(source, tmp_path / "long", 0)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")])
def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, kind: str, subtype: str, cut: float
) -> None:
    data = write(tmp_path / "whole", tone(), kind, subtype).read_bytes()
    (tmp_path / "it").write_bytes(data[: int(cut * len(data))])
    try:
        assert 0 < take(tmp_path / "it", tmp_path / "copy", 0).samples < round(1.5 * RATE)
    except LofiError as error:
        assert "can't be imported" in str(error)


def test_what_is_not_finite_is_measured_as_something(tmp_path: Path) -> None:
    audio = tone()
    audio[1000], audio[2000] = np.nan, np.inf
    read = take(write(tmp_path / "it", audio, "WAV", "FLOAT"), tmp_path / "copy", 0)
    assert read.peak == 1.0 and read.loudness_lufs is not None


def test_other_people_s_comments_are_no_story() -> None:
    story = "seed 7, model m-1, duration 30 s, temperature 1, top-k 250, top-p 0.5, guidance 3"
    found = read_story("rain", f"{story}, model's licence MIT")
    assert found is not None and (found.prompt, found.seed, found.top_p) == ("rain", 7, 0.5)
    for title, comment in (
        ("", story),
        ("rain", "ripped by somebody"),
        ("rain", story.replace("temperature 1", "temperature 1e")),
        ("rain", story.replace("seed 7", "seed -7")),
        ("rain", f"my {story}"),
    ):
        assert read_story(title, comment) is None


def test_bars_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    class Finder:
        def __init__(self, rate: int, expected: int) -> None:
            assert (rate, expected) == (RATE, 15 * RATE)

        def add(self, pcm: NDArray[np.float32]) -> None:
            heard.append(len(pcm))

        def bar(self) -> Bar:
            return Bar(2.0, 0.5)

    monkeypatch.setattr(import_track, "BarFinder", Finder)
    read = take(write(tmp_path / "it", tone(15, 1), "FLAC", "PCM_16"), tmp_path / "copy", 0)
    assert sum(heard) == 15 * RATE and (read.bar_sec, read.bar_offset_sec) == (2.0, 0.5)
