"""What a user would hear: the default device of a real sound server, recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from lofi_common import player_messages as pm
from tests.integration.test_player import Process, player
from tests.support.home import Home
from tests.support.player import RATE, Desk, Growing, sine, write_track
from tests.support.stdio import Stdio

pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("pulseaudio", "pactl", "parec")),
    reason="PulseAudio and its utilities are not installed",
)

RECORDED = 48_000
HERTZ, LEVEL = 440.0, 0.5
SERVER = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
LOGGED = ["--log-target=stderr", "--log-level=info"]


@pytest.fixture
def server(short_tmp: Path) -> Iterator[dict[str, str]]:
    """The environment of a sound server of its own, whose only device records."""
    with _server(short_tmp, "") as environ:
        yield environ


@pytest.fixture
def two_devices(short_tmp: Path) -> Iterator[dict[str, str]]:
    """The same with two devices; `out` is the default one and named Speaker, `second` is the Headset."""
    named = "sink_properties=device.description="
    with _server(short_tmp, f"{named}Speaker", f"sink_name=second rate={RECORDED} {named}Headset") as environ:
        yield environ


@contextmanager
def _server(short_tmp: Path, out: str, *others: str) -> Iterator[dict[str, str]]:
    short_tmp.chmod(0o700)
    socket = short_tmp / "native"
    environ = {"HOME": str(short_tmp), "XDG_RUNTIME_DIR": str(short_tmp), "PULSE_SERVER": f"unix:{socket}"}
    modules = [
        f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
        f"module-null-sink sink_name=out rate={RECORDED} {out}",
        *(f"module-null-sink {other}" for other in others),
    ]
    command = [*SERVER, *LOGGED, *(part for module in modules for part in ("-L", module))]
    whole = {**os.environ, **environ}
    with subprocess.Popen(command, env=whole, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            while "Daemon startup complete" not in (line := process.stderr.readline()):
                assert line, "the sound server does not start"
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield environ
        finally:
            process.kill()


@contextmanager
def recording(server: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    format = ["--format=float32le", f"--rate={RECORDED}", "--channels=1", "--raw", "--latency-msec=50"]
    with subprocess.Popen(
        ["parec", "-d", "out.monitor", *format], env={**os.environ, **server}, stdout=subprocess.PIPE
    ) as recorder:
        try:
            assert recorder.stdout is not None and recorder.stdout.read(400)  # it records
            yield recorder
        finally:
            recorder.kill()


def recorded(process: subprocess.Popen[bytes], silence_sec: float = 1.0) -> NDArray[np.float32]:
    """Everything up to so much silence after sound; float32 [samples]."""
    assert process.stdout is not None
    silence, heard, sound = round(RECORDED * silence_sec) * 4, b"", False
    while not sound or np.frombuffer(heard[-silence:], np.float32).any():
        piece = process.stdout.read(RECORDED // 50 * 4)
        assert piece, "the recording broke off"
        heard += piece
        sound = sound or bool(np.frombuffer(piece, np.float32).any())
    return np.frombuffer(heard, np.float32)


def steps(heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between neighbouring samples; 0 at the ends of silences of up to 0.1 s within the sound.

    Those are a sound server's that ran dry on a busy machine. The player's own silences are longer, and begin
    and end softly.
    """
    sizes = np.abs(np.diff(heard))
    sound = np.flatnonzero(heard)
    runs = np.diff(sound)
    dropped = (runs > RECORDED // 1000) & (runs < RECORDED // 10)
    sizes[sound[:-1][dropped]] = 0.0
    sizes[sound[1:][dropped] - 1] = 0.0
    return sizes


def test_a_tone_reaches_the_default_device_without_a_click(server: dict[str, str], tmp_path: Path) -> None:
    """Heard to its end, then once more and cut by the end of the player."""
    track = write_track(tmp_path / "tone.wav", sine(1.5, HERTZ, LEVEL))
    with recording(server) as recorder:
        with player("", **server) as process:
            process.send(pm.Play(order=1, number=1, path=str(track)))
            process.until(pm.Ended(number=1, how="finished"))
            process.send(pm.Play(order=2, number=2, path=str(track)))
            while not isinstance(process.take(), pm.Position):
                continue
            assert process.close() == 0
        heard = recorded(recorder)
    steepest = LEVEL * 2 * np.pi * HERTZ / RECORDED
    assert steps(heard).max() < 1.2 * steepest
    sound = np.flatnonzero(heard)
    spectrum = np.abs(np.fft.rfft(heard[sound[0] :][:RECORDED] * np.hanning(RECORDED)))
    assert abs(spectrum.argmax() - HERTZ) <= 2
    assert 1.8 < (sound[-1] - sound[0]) / RECORDED < 3.5


def test_its_device_is_listed_as_the_default_one(server: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lofi_player.devices"],
        env={**os.environ, **server},
        capture_output=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {
        "devices": [{"name": "Null Output", "default": True}],
        "backend": "PulseAudio",
    }


def test_a_sound_server_that_dies_ends_the_player_in_words(server: dict[str, str], tmp_path: Path) -> None:
    track = write_track(tmp_path / "tone.wav", sine(60.0))
    with player("", **server) as process:
        process.send(pm.Play(order=1, number=1, path=str(track)))
        process.until(pm.Answer(order=1))
        subprocess.run(["pactl", "exit"], env={**os.environ, **server}, check=True)
        assert process.process.wait(20.0) == 3


def mellow(seconds: float, seed: int) -> NDArray[np.float32]:
    """Noise without anything high, so that it comes through a change of rate as it is; float32 [samples]."""
    low = signal.butter(6, 2000, fs=RATE, output="sos")
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    filtered: NDArray[np.float32] = (0.15 * signal.sosfilt(low, noise)).astype(np.float32)
    return filtered


def as_recorded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    resampled: NDArray[np.float32] = signal.resample_poly(samples, 3, 2).astype(np.float32)
    return resampled


def place(piece: NDArray[np.float32], whole: NDArray[np.float32]) -> tuple[float, float]:
    """Second of `whole` at which `piece` begins, and how well it correlates with what is there."""
    found = signal.correlate(whole, piece, "valid", "fft")
    start = int(found.argmax())
    there = whole[start : start + len(piece)]
    return start / RECORDED, float(found[start] / np.sqrt((there**2).sum() * (piece**2).sum()))


def until(process: Process, kind: type[pm.Report]) -> pm.Report:
    while not isinstance(told := process.take(), kind):
        continue
    return told


def test_a_growing_track_that_stalls_and_a_crossfade_are_heard(
    server: dict[str, str], tmp_path: Path
) -> None:
    growing = Growing(tmp_path / "growing.wav", mellow(3.0, 1))
    second = write_track(tmp_path / "second.wav", mellow(2.5, 2))
    growing.grow(RATE)
    with recording(server) as recorder:
        with player("", **server) as process:
            process.send(
                pm.SetCrossfade(order=1, sec=1.0),
                pm.Play(order=2, number=1, path=str(growing.path), growing=True),
                pm.Next(order=3, number=2, path=str(second)),
            )
            until(process, pm.Waiting)
            before = recorded(recorder, silence_sec=0.1)
            growing.grow(3 * RATE)
            process.send(pm.Grown(order=4, number=1, samples=3 * RATE))
            process.until(pm.Ended(number=2, how="finished"))
            assert process.close() == 0
        heard = np.concatenate([before, recorded(recorder)])
    desk = Desk()
    desk.order(pm.SetCrossfade, sec=1.0)
    desk.order(pm.Play, growing.path, number=1)
    desk.order(pm.Next, second, number=2)
    desk.to_the_end()
    whole = as_recorded(desk.sink.sound()[:, 0])
    sound = np.flatnonzero(heard)
    (gap, *_) = np.flatnonzero(np.diff(sound) > RECORDED // 10)
    assert sound[gap] - sound[0] == pytest.approx(RECORDED, rel=0.2), "it waits once it has played a second"
    # In pieces, since a sound server on a busy machine may drop some milliseconds here and there.
    length = RECORDED // 5
    pieces = [heard[start : start + length] for start in range(sound[0], sound[-1] - length, length)]
    places, alike = zip(*(place(piece, whole) for piece in pieces), strict=True)
    right = np.array(alike) > 0.95
    first = int(right.argmax())
    assert right.mean() > 0.7 and first < 3 and places[first] == pytest.approx(0.2 * first, abs=0.05)
    assert (np.diff(np.array(places)[right]) > 0.1).all()
    assert steps(heard).max() <= 1.1 * np.abs(np.diff(whole)).max()
    assert (sound[-1] - sound[0]) / RECORDED == pytest.approx(4.5, abs=0.6)


def test_an_unplugged_device_is_left_for_the_default_one(two_devices: dict[str, str], tmp_path: Path) -> None:
    environ = {**os.environ, **two_devices}
    track = write_track(tmp_path / "track.wav", mellow(30.0, 1))
    with recording(two_devices) as recorder:
        with player("", **two_devices) as process:
            process.send(pm.SetDevice(order=1, name="Headset"), pm.Play(order=2, number=1, path=str(track)))
            place_before = until(process, pm.Position)
            while not (isinstance(place_before, pm.Position) and place_before.position_sec > 0.7):
                place_before = until(process, pm.Position)
            loaded = subprocess.check_output(["pactl", "list", "short", "modules"], env=environ, text=True)
            (module,) = (line.split()[0] for line in loaded.splitlines() if "Headset" in line)
            subprocess.run(["pactl", "unload-module", module], env=environ, check=True)
            assert until(process, pm.DeviceChanged) == pm.DeviceChanged(name=None)
            place_after = until(process, pm.Position)
            while not (
                isinstance(place_after, pm.Position)
                and place_after.position_sec > place_before.position_sec + 1.5
            ):
                place_after = until(process, pm.Position)
            process.send(pm.SetDevice(order=3, name="Headset"))
            refused = until(process, pm.Answer)
            assert isinstance(refused, pm.Answer) and refused.error is not None
            assert refused.error.message.endswith("there are: Speaker")
            process.send(pm.Stop(order=4))
            assert process.close() == 0
        heard = recorded(recorder)
    sound = heard[np.flatnonzero(heard)[0] :]
    start, alike = place(sound[RECORDED // 50 :][:RECORDED], as_recorded(mellow(30.0, 1)))
    assert alike > 0.98 and start == pytest.approx(place_before.position_sec, abs=0.6)


def test_the_radio_is_heard_from_track_to_track(server: dict[str, str], home: Home) -> None:
    short = {"LOFI_RADIO_TRACK_SEC": "5", "LOFI_RADIO_POLITE": "false", "LOFI_PLAYER_LOUDNESS_LUFS": "0"}
    with recording(server) as recorder, Stdio({**home.environ, **server, **short}) as broker:
        broker.call("radio_start", prompt="rain", seed=1)
        broker.wait("playback_started", count=2)
        broker.wait("playback_position", count=7)
        broker.call("radio_stop")
        heard = recorded(recorder)
        assert broker.close() == 0
    sound = np.flatnonzero(np.abs(heard) > 1e-4)
    assert np.diff(sound).max() < RECORDED // 10, "silence between tracks"
    assert (sound[-1] - sound[0]) / RECORDED > 5.5
    assert steps(heard).max() < 1.2 * np.abs(np.diff(heard[sound[0] :][: 2 * RECORDED])).max()
