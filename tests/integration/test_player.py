"""The player's process, ordered about as the broker does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from lofi_common import player_messages as pm
from lofi_player import devices
from tests.support.hooks import hooked
from tests.support.player import NO_SOUND, RAMP, RATE, Growing, sine, write_track


class Process:
    """Orders are written at once; reports are read one by one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, *orders: pm.Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(pm.encode_line(order) for order in orders))
        self.process.stdin.flush()

    def take(self) -> pm.Report:
        assert self.process.stdout is not None
        return pm.decode_report(self.process.stdout.readline())

    def until(self, last: pm.Report) -> list[pm.Report]:
        """The reports up to this one."""
        taken = [self.take()]
        while taken[-1] != last:
            taken.append(self.take())
        return taken

    def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(10.0)


@contextmanager
def player(device: str, volume: float = 1.0, **environ: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "lofi_player", f"--device={device}", f"--volume={volume}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )
    with process:
        try:
            yield Process(process)
        finally:
            process.kill()


def heard(file: Path) -> NDArray[np.float32]:
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_file_of_each_kind_comes_out_to_the_sample(tmp_path: Path, kind: str) -> None:
    tone = sine(3.0, level=0.8)
    track = write_track(tmp_path / f"tone.{kind}", tone)
    with player(f"file:{tmp_path}/out.wav") as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        assert process.take() == pm.Started(number=1, duration_sec=3.0)
        process.until(pm.Ended(number=1, how="finished"))
        assert process.close() == 0
    out = heard(tmp_path / "out.wav")
    assert out.shape == (3 * RATE, 2) and np.array_equal(out[:, 0], out[:, 1])
    most = 1 / 32768 if kind in ("wav", "flac") else 0.02
    inside = slice(RATE // 10, -RATE // 10)
    assert np.abs(out[:, 0] - tone)[inside].max() <= most


def test_a_list_paused_turned_and_cut(tmp_path: Path) -> None:
    """Orders that are written in one go are obeyed before anything that comes after them is heard."""
    first = write_track(tmp_path / "first.wav", sine(1.0, 200.0))
    second = write_track(tmp_path / "second.wav", sine(1.0, 300.0))
    with player(f"file:{tmp_path}/out.wav") as process:
        process.send(
            pm.Play(order=1, number=1, path=str(first)),
            pm.Next(order=2, number=2, path=str(second)),
            pm.Pause(order=3),
            pm.Resume(order=4),
        )
        told = process.until(pm.Ended(number=2, how="finished"))
        assert told.index(pm.Ended(number=1, how="finished")) < told.index(
            pm.Started(number=2, duration_sec=1.0)
        )
        process.send(pm.Play(order=5, number=3, path=str(first)), pm.Stop(order=6))
        process.until(pm.Answer(order=6))
        assert process.close() == 0
    out = heard(tmp_path / "out.wav")[:, 0]
    whole = np.concatenate([heard(first), heard(second)])
    assert len(out) >= len(whole)
    softer = np.flatnonzero(out[: len(whole)] != whole)
    assert softer[-1] - softer[0] < 960  # down and up again, nothing lost and nothing twice
    assert np.abs(np.diff(out)).max() <= np.abs(np.diff(whole)).max() + 0.5 / 480


def test_a_track_that_grows_in_fits_and_starts_is_heard_whole(tmp_path: Path) -> None:
    """In real time: it waits three times, and then the next one follows, joined."""
    whole = sine(4.0, 200.0)
    growing = Growing(tmp_path / "growing.wav", whole)
    after = write_track(tmp_path / "after.wav", sine(1.0, 200.0))
    with player(f"paced-file:{tmp_path}/out.wav") as process:
        process.send(
            pm.Play(order=1, number=1, path=str(growing.path), growing=True),
            pm.Next(order=2, number=2, path=str(after), joined=True),
        )
        for seconds in (0.6, 1.6):
            while process.take() != pm.Waiting(number=1):
                continue
            growing.grow(round(seconds * RATE))
            assert process.until(pm.GoesOn(number=1))
        while process.take() != pm.Waiting(number=1):
            continue
        growing.grow(len(whole))
        process.send(pm.Grown(order=3, number=1, samples=len(whole)))
        process.until(pm.Ended(number=2, how="finished"))
        assert process.close() == 0
    out, expected = heard(tmp_path / "out.wav")[:, 0], np.concatenate([heard(growing.path), heard(after)])
    assert len(out) == len(expected)
    softer = np.flatnonzero(out != expected)
    assert len(softer) <= 2 * 2 * RAMP and softer[0] > RATE // 2
    assert np.abs(np.diff(out)).max() <= np.abs(np.diff(expected)).max() + 0.5 / RAMP
    assert np.array_equal(out[-RATE:], expected[-RATE:])


def test_devices_are_chosen_by_name(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(30.0))
    (name,) = (device.name for device in devices.find_devices(null=True).devices)
    with player("null") as process:
        process.send(pm.SetDevice(order=1, name=name), pm.Play(order=2, number=1, path=str(track)))
        process.until(pm.Answer(order=2))
        process.send(pm.SetDevice(order=3, name=None), pm.SetDevice(order=4, name="Horn"))
        answers = [told for told in (process.take() for _ in range(2)) if isinstance(told, pm.Answer)]
        assert [answer.error is None for answer in answers] == [True, False]
        assert answers[1].error is not None and name in answers[1].error.message
        assert process.close() == 0


def test_the_null_device_is_paced_in_real_time(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(30.0))
    with player("null") as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        process.until(pm.Answer(order=1))
        first = process.take()
        assert isinstance(first, pm.Position) and 0.5 < first.position_sec < 10.0
        assert process.close() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sound device can't be hidden")
def test_without_a_device_the_answer_says_what_was_tried(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(1.0))
    with player("", **NO_SOUND) as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        answer = process.take()
        assert isinstance(answer, pm.Answer) and answer.error is not None
        assert answer.error.name == "AUDIO_DEVICE_ERROR" and "ALSA" in answer.error.details
        assert "lofi doctor" in answer.error.recovery
        assert process.close() == 0


def test_a_file_that_can_not_be_written_is_an_error_of_the_device(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(1.0))
    with player(f"file:{tmp_path}/nowhere/out.wav") as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        answer = process.take()
        assert isinstance(answer, pm.Answer) and answer.error is not None
        assert answer.error.name == "AUDIO_DEVICE_ERROR" and "nowhere" in answer.error.message


def test_end_of_file_ends_it_whatever_it_does(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(30.0))
    with player("null") as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        process.until(pm.Answer(order=1))
        assert process.close() == 0


def test_end_of_file_ends_it_also_when_its_device_hangs(tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(30.0))
    hang = "import time, lofi_player.device_sink as s\ns.DeviceSink.close = lambda self: time.sleep(60)"
    code = f"import sys\nif 'lofi_player' in sys.orig_argv: exec({hang!r})"
    with player("null", **hooked(tmp_path / "hook", code)) as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        process.until(pm.Answer(order=1))
        assert process.close() == 1


def test_what_is_no_order_ends_it() -> None:
    with player("null") as process:
        assert process.process.stdin is not None
        process.process.stdin.write(b'{"type": "dance"}\n')
        process.process.stdin.flush()
        assert process.process.wait(10.0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sound device can't be hidden")
def test_devices_are_told_as_json_and_so_is_their_absence() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lofi_player.devices"],
        env={**os.environ, **NO_SOUND},
        capture_output=True,
        timeout=30,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert told["devices"] == [] and told["error"]["name"] == "AUDIO_DEVICE_ERROR"
    found = devices.find_devices(null=True)
    assert found.error is None and [device.default for device in found.devices] == [True]
