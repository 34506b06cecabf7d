"""`lofi radio` on a terminal and for scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.home import Home
from tests.support.player import NO_SOUND
from tests.support.terminal import in_a_terminal


def test_on_a_terminal_a_line_tells_what_plays_and_ctrl_c_ends_it(home: Home) -> None:
    home.environ |= {"LOFI_PLAYER_DEVICE": "null", "LOFI_RADIO_TRACK_SEC": "5", "LOFI_RADIO_POLITE": "false"}
    home.lofi("broker", "start")
    assert home.lofi("radio", "--status").stdout == "the radio is off\n"
    code, shown = in_a_terminal(home, "radio", "rain", until=b"s ahead", answer=b"\x03")
    assert code == 130 and b"rain" in shown and b"the radio was stopped" in shown
    started = home.lofi("radio", "rain", "--mode", "stream", "--no-wait")
    assert started.stdout.startswith("playing (stream): rain") and started.stderr == ""
    another = home.lofi("radio", "sun", "--no-wait")
    assert another.returncode == 0 and "in the place of the radio that played: rain" in another.stderr
    changed = json.loads(home.lofi("radio", "--prompt", "now brighter", "--json").stdout)
    assert "now brighter" in (changed["prompt"], changed.get("next_prompt"))
    assert home.lofi("radio", "--stop").stdout == "the radio is off\n"
    refused = home.lofi("radio", "--prompt", "sun")
    assert refused.returncode == 2 and "lofi radio PROMPT" in refused.stderr
    assert home.lofi("radio", "--stop", "--status").returncode == 2
    home.lofi("radio", "rain", "--no-wait")
    assert home.lofi("broker", "stop").stdout == "stopped, and with it the music\n"


def test_scripts_get_a_line_of_json_for_each_event(home: Home) -> None:
    home.environ |= {"LOFI_PLAYER_DEVICE": "null"}
    home.lofi("broker", "start")
    command = [sys.executable, "-m", "lofi_cli.main", "radio", "rain", "--seed", "3", "--json"]
    with subprocess.Popen(command, env={**os.environ, **home.environ}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        events = [json.loads(process.stdout.readline())]
        while events[-1]["event"] != "playback_position":
            events.append(json.loads(process.stdout.readline()))
        assert home.lofi("radio", "--stop").returncode == 0
        events += [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert events[0]["event"] == "accepted" and events[0]["state"] == "starting"
    assert (events[-1]["event"], events[-1]["state"]) == ("radio_changed", "off")
    assert "playing" in [event.get("state") for event in events]


def test_without_a_sound_device_it_is_told_in_one_line_with_what_to_do(home: Home) -> None:
    home.environ |= NO_SOUND | {"LOFI_RADIO_TRACK_SEC": "5"}
    home.lofi("broker", "start")
    advice = home.lofi("player", "devices").stderr.splitlines()[-1]
    for order in (("radio", "rain", "--no-wait"), ("radio", "--status"), ("radio", "sun")):
        told = home.lofi(*order)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.count("no sound device") == 1 and told.stderr.splitlines()[-1] == advice


def test_another_radio_ends_the_command_and_its_ctrl_c_ends_only_its_own(home: Home) -> None:
    home.environ |= {"LOFI_PLAYER_DEVICE": "null", "LOFI_RADIO_TRACK_SEC": "5"}
    home.lofi("broker", "start")
    command = [sys.executable, "-m", "lofi_cli.main", "radio"]
    with subprocess.Popen(
        [*command, "rain"], env={**os.environ, **home.environ}, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        assert first.stderr.readline().startswith("♪ rain  ")  # there is no terminal
        home.lofi("radio", "sun", "--no-wait")
        assert "lofi: replaced by another radio: sun\n" in first.stderr.read()
    assert first.returncode == 0
    assert home.lofi("radio", "--status").stdout.startswith("playing (playlist): sun")
    track_id = json.loads(home.lofi("tracks", "list", "--json").stdout.splitlines()[-1])["track_id"]
    played = home.lofi("player", "play", track_id, "--no-wait")
    assert "this ends the radio" in played.stderr
    assert home.lofi("radio", "--status").stdout == "the radio is off\n"
