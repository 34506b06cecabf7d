"""The spectrogram's PNG, read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PIL import Image

from lofi_broker.library import track_of
from lofi_cli.audio import opened
from lofi_cli.picture import COLUMNS, HEIGHT, LEFT, ROWS, TOP, WIDTH, row_of, write_picture
from lofi_cli.spectrum import spectrogram
from lofi_common.api import Track
from lofi_common.errors import CacheWriteError, LofiError
from lofi_common.jobs import JobState
from tests.unit.scheduling import job

RATE = 32_000


def track_with(tmp_path: Path, signal: NDArray[np.floating], rate: int = RATE) -> Track:
    path = tmp_path / "track.wav"
    soundfile.write(path, signal, rate)
    return msgspec.structs.replace(
        track_of(job("a"), status=JobState.COMPLETE), path=str(path), prompt="rainy\x1b[2J夜"
    )


def sine(hertz: float, seconds: float, rate: int = RATE) -> NDArray[np.floating]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def brightness(picture: Path) -> NDArray[np.floating]:
    """Of the spectrogram's own pixels, [rows, columns]."""
    with Image.open(picture) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (WIDTH, HEIGHT))
        pixels = np.asarray(image, dtype=float).sum(axis=2)
    return pixels[TOP : TOP + ROWS, LEFT : LEFT + COLUMNS]


def test_a_file_without_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(LofiError, match="has no sound"):
        write_picture(track_with(tmp_path, np.zeros(0)), tmp_path / "out.png", force=False)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("hertz", [100, 1000, 5000])
def test_a_sine_has_its_line_at_its_frequency(tmp_path: Path, hertz: int) -> None:
    track = track_with(tmp_path, sine(hertz, 5))
    write_picture(track, tmp_path / "out.png", force=False)
    with opened(track) as file:
        found = spectrogram(file, COLUMNS, ROWS)
    shown = brightness(tmp_path / "out.png")
    middle = shown[:, 50:-50]
    assert abs(middle.argmax(axis=0) - row_of(hertz, found)).max() <= 2
    assert (found.hertz[row_of(hertz, found)] / hertz) == pytest.approx(1, abs=0.01)
    assert middle[row_of(2 * hertz, found)].max() < 0.3 * middle.max()
    assert found.decibels.max() == pytest.approx(-6, abs=2.1)


def test_time_goes_from_left_to_right(tmp_path: Path) -> None:
    track = track_with(tmp_path, np.concatenate([sine(200, 4), sine(4000, 6)]))
    with opened(track) as file:
        found = spectrogram(file, COLUMNS, ROWS)
    rows = found.decibels.argmax(axis=0)
    change = int(np.argmax(rows < row_of(1000, found)))
    assert change == pytest.approx(0.4 * COLUMNS, abs=8)
    assert abs(rows[: change - 20] - row_of(200, found)).max() <= 2
    assert abs(rows[change + 20 :] - row_of(4000, found)).max() <= 2


@pytest.mark.parametrize(
    ("seconds", "rate"), [(0.01, RATE), (0.5, 16_000), (1.0, 48_000), (5.01, RATE), (121, 8_000)]
)
def test_any_length_and_rate(tmp_path: Path, seconds: float, rate: int) -> None:
    track = track_with(tmp_path, sine(440, seconds, rate), rate)
    write_picture(track, tmp_path / "out.png", force=False)
    shown = brightness(tmp_path / "out.png")
    assert shown.max() > 600 and shown.max(axis=0).min() > 100  # no column is left out


def test_silence_is_dark_and_two_channels_are_one(tmp_path: Path) -> None:
    write_picture(track_with(tmp_path, np.zeros((RATE, 2))), tmp_path / "out.png", force=False)
    assert brightness(tmp_path / "out.png").max() < 50


def test_what_the_picture_tells_of_itself(tmp_path: Path) -> None:
    track = track_with(tmp_path, sine(440, 1))
    write_picture(track, tmp_path / "out.png", force=False)
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["Title"] == track.prompt
        assert f"track {track.track_id}, seed {track.seed}" in image.info["Source"]


def test_a_picture_that_is_there_stays_unless_it_may_go(tmp_path: Path) -> None:
    track, there = track_with(tmp_path, sine(440, 1)), tmp_path / "out.png"
    there.write_text("mine")
    with pytest.raises(CacheWriteError, match="something of that name"):
        write_picture(track, there, force=False)
    assert there.read_text() == "mine"
    write_picture(track, there, force=True)
    assert there.read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "track.wav"]


def test_the_memory_does_not_grow_with_the_track(tmp_path: Path) -> None:
    script = (
        "import resource, sys, soundfile\n"
        "from lofi_cli.spectrum import spectrogram\n"
        "with soundfile.SoundFile(sys.argv[1]) as file:\n"
        "    spectrogram(file, 1000, 400)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    used, minute = [], sine(440, 60)
    for minutes in (1, 5):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        command = [sys.executable, "-c", script, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
        used.append(int(done.stdout))
    assert used[1] - used[0] < 12_000, used  # kB; 4 minutes more as float32 are 30,000
