"""Which sound device is played to, with a real sound server."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from tests.integration.test_playback import make, player_of
from tests.integration.test_player_pulse import pytestmark as pytestmark
from tests.integration.test_player_pulse import server as server
from tests.support.home import Home
from tests.support.stdio import Stdio

OTHER = "Headphones of a friend"


def pactl(server: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        ["pactl", *arguments], env={**os.environ, **server}, check=True, capture_output=True, text=True
    )
    return done.stdout


def sounding(server: dict[str, str], broker: Stdio) -> str:
    """The sink that the player plays into, by its name."""
    number = len(broker.notices("playback_position")) + 1
    broker.wait("playback_position", count=number)
    (stream,) = pactl(server, "list", "short", "sink-inputs").splitlines()
    sinks = dict(line.split("\t")[:2] for line in pactl(server, "list", "short", "sinks").splitlines())
    return sinks[stream.split("\t")[1]]


def names(found: dict[str, Any]) -> list[str]:
    return [device["name"] for device in found["devices"]]


def test_a_device_is_chosen_while_it_plays_and_remembered(home: Home, server: dict[str, str]) -> None:
    properties = f"sink_properties=\"device.description='{OTHER}'\""
    pactl(server, "load-module", "module-null-sink", "sink_name=other", properties)
    with Stdio({**home.environ, **server}) as broker:
        found = broker.call("audio_devices")
        assert found["backend"] == "PulseAudio" and OTHER in names(found) and "current" not in found
        assert [device["default"] for device in found["devices"]].count(True) == 1
        error = broker.error("audio_device_set", name="Gramophone")
        assert error["data"]["error_code"] == "AUDIO_DEVICE_ERROR" and OTHER in error["message"]
        (track,) = make(broker, "a")
        broker.call("loop_set", mode="track")
        broker.call("play", track_ids=[track])
        assert sounding(server, broker) == "out"
        assert broker.call("audio_device_set", name=OTHER)["device"] == OTHER
        assert sounding(server, broker) == "other"
        assert not broker.notices("playback_ended")
        player_of(broker.process.pid).kill()
        broker.wait("playback_ended")
        broker.call("play", track_ids=[track])
        assert sounding(server, broker) == "other"
    with Stdio({**home.environ, **server}) as broker:
        assert broker.call("audio_devices")["current"] == OTHER
        assert "device" not in broker.call("audio_device_set", name=None)
