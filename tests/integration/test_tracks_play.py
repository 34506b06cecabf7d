"""`lofi tracks play` and its neighbours, with a sound device that is none."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest

from tests.support.home import Home
from tests.support.terminal import in_a_terminal

CONTROLS = re.compile(r"\x1b\[\??[0-9;]*[a-zA-Z]")


@pytest.fixture
def player(home: Home) -> Home:
    """A home whose player takes as long as the music does."""
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    return home


def made(home: Home, *prompts: str, seconds: int = 60) -> list[str]:
    """Ids of tracks that are longer than a slow machine takes for a test."""
    paths = [home.submit(prompt, "-d", str(seconds), "--seed", "1").stdout.strip() for prompt in prompts]
    return [Path(path).stem for path in paths]


@contextmanager
def playing(home: Home, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `lofi tracks play --json` that plays already."""
    with subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.main", "tracks", "play", "--json", *arguments],
        env={**os.environ, **home.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in a shell's background inherit an ignored SIGINT.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "accepted"
            yield process
        finally:
            process.kill()


def state(home: Home) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(home.lofi("tracks", "volume", "--json").stdout)
    return shown


def test_to_the_end_one_after_the_other(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = f"file:{home.root}/heard.wav"
    rain, sun = made(home, "rain", "sun", seconds=5)
    done = home.lofi("tracks", "play", rain[:8], sun, "--volume", "0.5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert state(home)["state"] == "stopped" and state(home)["volume"] == 0.5
    assert home.lofi("broker", "stop").returncode == 0
    assert (home.root / "heard.wav").stat().st_size > 2 * 5 * 32_000 * 2


def test_json_lines_from_the_first_track_to_the_last(player: Home) -> None:
    rain, sun = made(player, "rain", "sun")
    with playing(player, rain, sun) as process:
        assert player.lofi("tracks", "next").stdout.startswith(f"playing {sun}, 2 of 2, at 0:00 of 1:00")
        assert player.lofi("tracks", "next").stdout.startswith("nothing plays")
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    told = [json.loads(line) for line in out.splitlines()]
    kept = [line for line in told if line["event"] in ("playback_started", "playback_ended")]
    assert [(line["event"], line["track_id"], line.get("reason")) for line in kept] == [
        ("playback_ended", rain, "skipped"),
        ("playback_started", sun, None),
        ("playback_ended", sun, "skipped"),
    ]


def test_without_ids_the_library_newest_first(player: Home) -> None:
    rain, sun = made(player, "rain", "sun")
    done = player.lofi("tracks", "play", "--no-wait", "--json")
    begun = json.loads(done.stdout)
    assert (begun["state"], begun["track_id"], begun["index"], begun["count"]) == ("playing", sun, 0, 2)
    assert player.lofi("tracks", "next").stdout.startswith(f"playing {rain}, 2 of 2")
    player.lofi("tracks", "stop")


def test_what_plays_is_held_and_goes_on_and_is_stopped(player: Home) -> None:
    (rain,) = made(player, "rain")
    assert player.lofi("tracks", "play", rain, "--no-wait").stdout.startswith(
        f"playing {rain}, at 0:00 of 1:00"
    )
    assert player.lofi("tracks", "pause").stdout.startswith(f"paused {rain}")
    assert player.lofi("tracks", "play", "--no-wait").stdout.startswith(f"playing {rain}")
    assert json.loads(player.lofi("tracks", "pause", "--json").stdout)["state"] == "paused"
    assert player.lofi("tracks", "resume").stdout.startswith(f"playing {rain}")
    assert player.lofi("tracks", "volume", "0.25").stdout.endswith("volume 0.25\n")
    assert player.lofi("tracks", "stop").stdout == "nothing plays, volume 0.25\n"
    assert player.lofi("tracks", "volume").stdout == "nothing plays, volume 0.25\n"


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_who_ends_the_command_ends_the_music(player: Home, number: str, code: int) -> None:
    (rain,) = made(player, "rain")
    with playing(player, rain) as process:
        process.send_signal(signal.Signals[number])
        _, errors = process.communicate(timeout=20)
    error = json.loads(errors)["error"]
    assert process.returncode == error["exit_code"] == code
    assert error["message"] == "interrupted: the playback was stopped"
    assert state(player)["state"] == "stopped"


def test_others_stop_it_or_play_something_else(player: Home) -> None:
    rain, sun = made(player, "rain", "sun")
    with playing(player, rain) as process:
        assert player.lofi("tracks", "stop").returncode == 0
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, json.loads(errors)) == (0, {"note": {"message": "stopped"}})
    with playing(player, rain) as process:
        assert player.lofi("tracks", "play", sun, "--no-wait").returncode == 0
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(errors) == {"note": {"message": "something else is played now"}}
    assert state(player)["track_id"] == sun


def test_a_track_of_the_list_that_is_deleted_meanwhile(player: Home) -> None:
    rain, sun, snow = made(player, "rain", "sun", "snow")
    with playing(player, rain, sun, snow) as process:
        assert player.lofi("tracks", "rm", snow, "--yes").returncode == 0
        assert player.lofi("tracks", "next").stdout.startswith(f"playing {sun}, 2 of 3")
        assert player.lofi("tracks", "next").stdout.startswith("nothing plays")
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"track {snow} can't be played: it is not in the library any more" in errors


def test_a_player_that_dies_and_a_broker_that_leaves(player: Home) -> None:
    (rain,) = made(player, "rain")
    with playing(player, rain) as process:
        broker = json.loads(player.lofi("status", "--json").stdout)["broker"]["pid"]
        os.kill(player_of(broker), signal.SIGKILL)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and f"track {rain} can't be played" in errors
    with playing(player, rain) as process:
        os.kill(broker, signal.SIGKILL)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 3 and "Traceback" not in errors


def player_of(broker: int) -> int:
    """The process id of a broker's player."""
    children = Path(f"/proc/{broker}/task/{broker}/children").read_text().split()
    (pid,) = [pid for pid in children if b"lofi_player" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return int(pid)


def test_the_bar_on_a_terminal(player: Home) -> None:
    prompt = "とても長い言葉" * 20
    track, other = made(player, prompt, "sun", seconds=5)
    code, shown = in_a_terminal(player, "tracks", "play", track, other, until=b"0:01 / 0:05", answer=b"\x03")
    assert code == 130 and b"interrupted: the playback was stopped" in shown
    lines = CONTROLS.sub("", shown.decode()).replace("^C", "").replace("\r", "\n").splitlines()
    bars = [line.rstrip() for line in lines if "[" in line]
    assert bars[0].startswith(f"1/2 [{'-' * 26}] 0:00 / 0:05  {prompt[:15]}")
    assert any("[####" in bar for bar in bars)
    assert max(sum(1 + (east_asian_width(char) == "W") for char in bar) for bar in bars) < 80


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["play"], 2, "the library has no tracks yet"),
        (["play", "0123456789abcdef"], 2, "no track 0123456789abcdef"),
        (["play", "--volume", "1.5"], 2, "--volume"),
        (["volume", "102"], 2, "give 0 to 1, or 0% to 100%"),
    ],
)
def test_what_can_not_be_played(player: Home, arguments: list[str], code: int, words: str) -> None:
    done = player.lofi("tracks", *arguments)
    assert (done.returncode, done.stdout) == (code, "") and words in done.stderr


def test_without_a_broker_nothing_plays(player: Home) -> None:
    for order in ("pause", "resume", "stop", "next"):
        assert player.lofi("tracks", order).returncode == 3


def test_no_sound_output_is_told_in_words(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "file:/nowhere/heard.wav"
    (rain,) = made(home, "rain")
    done = home.lofi("tracks", "play", rain)
    assert (done.returncode, done.stdout) == (1, "") and "/nowhere" in done.stderr
    assert "Traceback" not in done.stderr
