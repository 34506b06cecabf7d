"""Waveforms made of characters: known signals, line by line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from lofi_broker.library import track_of
from lofi_cli.audio import opened, peaks
from lofi_cli.draw import ASCII, BLOCKS, axis, pen_for, waveform
from lofi_common.errors import LofiError
from lofi_common.jobs import JobState
from tests.unit.scheduling import job

RATE = 32_000


def drawn(tmp_path: Path, signal: np.ndarray, columns: int, rows: int = 2) -> list[str]:
    """The signal, written as a file and read back in pieces."""
    path = tmp_path / "signal.wav"
    soundfile.write(path, signal.astype(np.float32), RATE, subtype="FLOAT")
    with soundfile.SoundFile(path) as file:
        return waveform(peaks(file, columns), BLOCKS, rows)


def test_silence_is_empty(tmp_path: Path) -> None:
    assert drawn(tmp_path, np.zeros(5 * RATE), 10) == [" " * 10, " " * 10]


def test_a_ramp_rises(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 16 * 1000)
    assert drawn(tmp_path, -ramp, 16) == [
        "        ▁▂▃▄▅▆▇█",
        "▁▂▃▄▅▆▇█████████",
    ]


def test_a_click_stands_where_it_is(tmp_path: Path) -> None:
    click = np.zeros(10 * RATE)
    click[7 * RATE] = 0.5
    assert drawn(tmp_path, click, 10) == [" " * 10, "       █  "]
    assert drawn(tmp_path, click, 20) == [" " * 20, " " * 14 + "█" + " " * 5]


def test_the_faintest_sound_is_seen(tmp_path: Path) -> None:
    assert drawn(tmp_path, np.full(1000, 1e-3), 10) == [" " * 10, "▁" * 10]


def test_all_channels_count_and_more_than_full_scale_is_full(tmp_path: Path) -> None:
    stereo = np.stack([np.zeros(RATE), np.full(RATE, 1.5)], axis=1)
    assert drawn(tmp_path, stereo, 10) == ["█" * 10, "█" * 10]


def test_more_columns_than_samples(tmp_path: Path) -> None:
    line = drawn(tmp_path, np.ones(3), 10)[1]
    assert sorted(line) == [" "] * 7 + ["█"] * 3


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_every_format_is_read_to_its_end(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"burst.{suffix}"
    burst = np.zeros(12 * RATE, np.float32)
    burst[-RATE:] = 0.5 * np.sin(np.arange(RATE) * 0.2)
    soundfile.write(path, burst, RATE)
    with soundfile.SoundFile(path) as file:
        found = peaks(file, 12)
    assert found[11] == pytest.approx(0.5, abs=0.05)
    assert max(found[:10]) < 0.01


def test_without_blocks_it_is_ascii() -> None:
    assert waveform([0, 0.1, 0.3, 0.5, 0.8, 1.0], ASCII, 2) == ["    :#", " .:###"]
    assert pen_for("utf-8") is BLOCKS
    assert pen_for("cp437") is ASCII  # has some of the blocks only
    assert pen_for("ascii") is pen_for(None) is pen_for("no such encoding") is ASCII


def test_the_time_axis() -> None:
    assert axis(30, 60, BLOCKS) == [
        "┬─────────┬─────────┬─────────┬─────────┬─────────┬────────┬",
        "0:00      0:05      0:10      0:15      0:20      0:25  0:30",
    ]
    assert axis(120, 40, ASCII) == [
        "+---------+---------+---------+--------+",
        "0:00      0:30      1:00      1:30  2:00",
    ]
    assert axis(120, 10, ASCII) == ["+--------+", "0:00  2:00"]


@pytest.mark.parametrize("columns", range(10, 201, 7))
@pytest.mark.parametrize("seconds", [5, 7, 30, 61, 120, 600])
def test_the_axis_is_as_wide_as_the_picture_and_labels_keep_apart(columns: int, seconds: int) -> None:
    ruler, labels = axis(seconds, columns, BLOCKS)
    assert len(ruler) == len(labels) == columns
    assert all(":" in label and len(label) <= 5 for label in labels.split())


def test_a_track_on_another_machine_is_told_from_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = msgspec.structs.replace(
        track_of(job("a"), status=JobState.COMPLETE), path=str(tmp_path / "none.wav")
    )
    with pytest.raises(LofiError, match="not in the library any more"), opened(track):
        pass
    monkeypatch.setenv("LOFI_BROKER", "tcp://elsewhere:1234/key")
    with pytest.raises(LofiError, match="lies on the broker's machine"), opened(track):
        pass
