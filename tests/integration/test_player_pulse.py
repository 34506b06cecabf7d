"""What a user would hear: the default device of a real sound server, recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lofi_common import player_messages as pm
from tests.integration.test_player import player
from tests.support.player import sine, write_track

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
    short_tmp.chmod(0o700)
    socket = short_tmp / "native"
    environ = {"HOME": str(short_tmp), "XDG_RUNTIME_DIR": str(short_tmp), "PULSE_SERVER": f"unix:{socket}"}
    modules = [
        f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
        f"module-null-sink sink_name=out rate={RECORDED}",
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


def recorded(process: subprocess.Popen[bytes]) -> NDArray[np.float32]:
    """Everything up to a second of silence after sound; float32 [samples]."""
    assert process.stdout is not None
    second, heard, sound = RECORDED * 4, b"", False
    while not sound or np.frombuffer(heard[-second:], np.float32).any():
        piece = process.stdout.read(second // 10)
        assert piece, "the recording broke off"
        heard += piece
        sound = sound or bool(np.frombuffer(piece, np.float32).any())
    return np.frombuffer(heard, np.float32)


def test_a_tone_reaches_the_default_device_without_a_click(server: dict[str, str], tmp_path: Path) -> None:
    """Heard to its end, then once more and cut by the end of the player."""
    track = write_track(tmp_path / "tone.wav", sine(1.5, HERTZ, LEVEL))
    format = ["--format=float32le", f"--rate={RECORDED}", "--channels=1", "--raw", "--latency-msec=50"]
    with subprocess.Popen(
        ["parec", "-d", "out.monitor", *format], env={**os.environ, **server}, stdout=subprocess.PIPE
    ) as recorder:
        assert recorder.stdout is not None and recorder.stdout.read(400)  # it records
        with player("", **server) as process:
            process.send(pm.Play(order=1, number=1, path=str(track)))
            process.until(pm.Ended(number=1, how="finished"))
            process.send(pm.Play(order=2, number=2, path=str(track)))
            while not isinstance(process.take(), pm.Position):
                continue
            assert process.close() == 0
        heard = recorded(recorder)
        recorder.kill()
    steepest = LEVEL * 2 * np.pi * HERTZ / RECORDED
    assert np.abs(np.diff(heard)).max() < 1.2 * steepest
    sound = np.flatnonzero(heard)
    spectrum = np.abs(np.fft.rfft(heard[sound[0] :][:RECORDED] * np.hanning(RECORDED)))
    assert spectrum.argmax() == round(HERTZ)
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
