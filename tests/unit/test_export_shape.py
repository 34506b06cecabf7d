"""Loudness and fades of exported files."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from lofi_broker.library import track_of
from lofi_cli.export import Export, export
from lofi_cli.shape import Shape, Shaper
from lofi_common.api import Track
from lofi_common.errors import InvalidParams, LofiError
from lofi_common.jobs import AudioFormat, JobState
from lofi_worker.loudness import Meter
from tests.unit.scheduling import job

RATE = 32_000
CEILING = 10 ** (-1 / 20)


def measured(pcm: NDArray[np.int16] | NDArray[np.float32]) -> Meter:
    meter = Meter(RATE, pcm.shape[1])
    meter.add(pcm)
    return meter


def track_with(folder: Path, sound: NDArray[np.float64], kind: AudioFormat = AudioFormat.WAV) -> Track:
    """A finished track of this sound [samples, channels]."""
    path = folder / f"track.{kind}"
    soundfile.write(path, sound, RATE)
    loudness = measured(np.rint(sound * 32767).astype(np.int16)).integrated()
    track = track_of(job("a"), status=JobState.COMPLETE)
    return msgspec.structs.replace(track, path=str(path), format=kind, loudness_lufs=loudness)


def noise(level: float, channels: int = 1, seconds: float = 4) -> NDArray[np.float64]:
    return level * np.random.default_rng(1).standard_normal((round(seconds * RATE), channels))


def written(track: Track, shape: Shape, kind: AudioFormat) -> tuple[Path, Shaper]:
    assert track.path is not None
    path = Path(track.path).parent / f"mine.{kind}"
    shaper = export(Export(track, path, kind), {}, force=False, shape=shape)
    assert shaper is not None
    return path, shaper


@pytest.mark.parametrize("kind", AudioFormat)
@pytest.mark.parametrize("source", [AudioFormat.WAV, AudioFormat.OGG])
def test_a_file_gets_the_loudness_that_is_asked_for(
    tmp_path: Path, source: AudioFormat, kind: AudioFormat
) -> None:
    track = track_with(tmp_path, noise(0.02, channels=2), source)
    path, shaper = written(track, Shape(loudness_lufs=-20.0), kind)
    found, _ = soundfile.read(path, dtype="float32", always_2d=True)
    # Of white noise, codecs drop what nobody hears.
    lossy = {source, kind} & {AudioFormat.OGG, AudioFormat.MP3}
    assert measured(found).integrated() == pytest.approx(-20.0, abs=1.5 if lossy else 0.01)
    assert shaper.missed_lu == 0


def test_no_sample_exceeds_the_ceiling(tmp_path: Path) -> None:
    sound = noise(0.02)
    sound[RATE, 0] = -0.5
    track = track_with(tmp_path, sound)
    path, shaper = written(track, Shape(loudness_lufs=-14.0), AudioFormat.WAV)
    found, _ = soundfile.read(path, dtype="int16", always_2d=True)
    peak = int(np.abs(found.astype(int)).max())
    assert CEILING * 32768 - 2 <= peak <= CEILING * 32768 + 0.5
    loudness = measured(found).integrated()
    assert loudness is not None and loudness + shaper.missed_lu == pytest.approx(-14.0, abs=0.01)
    assert f"reaches {loudness:.1f} LUFS" in shaper.told(track)


def test_a_softer_file_needs_no_ceiling(tmp_path: Path) -> None:
    track = track_with(tmp_path, np.clip(noise(0.4), -1, 1))
    path, shaper = written(track, Shape(loudness_lufs=-30.0), AudioFormat.FLAC)
    found, _ = soundfile.read(path, dtype="int16", always_2d=True)
    assert shaper.missed_lu == 0 and measured(found).integrated() == pytest.approx(-30.0, abs=0.01)


def test_fades_follow_half_a_cosine_and_leave_the_rest_to_the_bit(tmp_path: Path) -> None:
    sound = np.full((4 * RATE, 2), 0.5)
    path, _ = written(track_with(tmp_path, sound), Shape(fade_in=1.0, fade_out=2.0), AudioFormat.WAV)
    found, _ = soundfile.read(path, dtype="int16", always_2d=True)
    place = (np.arange(RATE) + 0.5) / RATE
    rise = 0.5 - 0.5 * np.cos(np.pi * place)
    assert np.abs(found[:RATE, 0] - 16384 * rise).max() <= 0.6
    assert (found[RATE : 2 * RATE] == 16384).all() and len(found) == len(sound)
    assert np.abs(found[2 * RATE :: 2, 1] - 16384 * (0.5 + 0.5 * np.cos(np.pi * place))).max() <= 0.9
    assert (np.diff(found[:RATE, 0].astype(int)) >= 0).all() and abs(int(found[-1, 0])) <= 1


def test_what_can_t_be_shaped(tmp_path: Path) -> None:
    track = track_with(tmp_path, noise(0.1, seconds=2))
    with pytest.raises(InvalidParams, match=r"lasts 2.0 s, less than its fades"):
        written(track, Shape(fade_in=1.5, fade_out=1.0), AudioFormat.WAV)
    silent = track_with(tmp_path, np.zeros((RATE, 1)))
    with pytest.raises(LofiError, match="the loudness of track"):
        written(silent, Shape(loudness_lufs=-14.0), AudioFormat.WAV)
    assert os.listdir(tmp_path) == ["track.wav"]


def test_two_channels_of_whole_numbers_become_sound_as_mp3(tmp_path: Path) -> None:
    """libsndfile 1.2.2 fills half of each block with noise."""
    time = np.arange(2 * RATE) / RATE
    sound = 0.3 * np.sin(2 * np.pi * np.outer(time, [440, 660]))
    path = tmp_path / "mine.mp3"
    export(Export(track_with(tmp_path, sound), path, AudioFormat.MP3), {}, force=False)
    found, _ = soundfile.read(path, dtype="float32", always_2d=True)
    spectrum = np.abs(np.fft.rfft(found[RATE // 2 : 3 * RATE // 2], axis=0))
    assert [int(bin) for bin in spectrum.argmax(axis=0)] == [440, 660]
    assert (np.sqrt(np.square(spectrum[2000:]).sum(axis=0)) < 0.01 * spectrum.max(axis=0)).all()
