"""`lofi player` and `lofi tracks play`, with a sound device that is none."""

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
    """A `lofi player play --json` that plays already."""
    with subprocess.Popen(
        [sys.executable, "-m", "lofi_cli.main", "player", "play", "--json", *arguments],
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
    shown: dict[str, Any] = json.loads(home.lofi("player", "volume", "--json").stdout)
    return shown


def test_to_the_end_one_after_the_other(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = f"file:{home.root}/heard.wav"
    rain, sun = made(home, "rain", "sun", seconds=5)
    done = home.lofi("tracks", "play", rain[:8], sun, "--volume", "0.5")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"♪ 1/2 rain  {rain}\n♪ 2/2 sun  {sun}\n"
    assert state(home)["state"] == "stopped" and state(home)["volume"] == 0.5
    assert home.lofi("broker", "stop").returncode == 0
    assert (home.root / "heard.wav").stat().st_size > 2 * 5 * 32_000 * 2


def test_json_lines_from_the_first_track_to_the_last(player: Home) -> None:
    rain, sun = made(player, "rain", "sun")
    with playing(player, rain, sun) as process:
        assert player.lofi("player", "next").stdout.startswith(f"playing {sun}, 2 of 2, at 0:00 of 1:00")
        assert player.lofi("player", "next").stdout.startswith("nothing plays")
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
    assert player.lofi("player", "next").stdout.startswith(f"playing {rain}, 2 of 2")
    player.lofi("player", "stop")


def test_what_plays_is_held_and_goes_on_and_is_stopped(player: Home) -> None:
    (rain,) = made(player, "rain")
    assert player.lofi("tracks", "play", rain, "--no-wait").stdout.startswith(
        f"playing {rain}, at 0:00 of 1:00"
    )
    assert player.lofi("player", "pause").stdout.startswith(f"paused {rain}")
    assert player.lofi("tracks", "play", "--no-wait").stdout.startswith(f"playing {rain}")
    assert json.loads(player.lofi("player", "pause", "--json").stdout)["state"] == "paused"
    assert player.lofi("player", "resume").stdout.startswith(f"playing {rain}")
    assert player.lofi("player", "volume", "0.25").stdout.endswith("volume 0.25\n")
    assert player.lofi("player", "stop").stdout == "nothing plays, volume 0.25\n"
    assert player.lofi("player", "volume").stdout == "nothing plays, volume 0.25\n"


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
        assert player.lofi("player", "stop").returncode == 0
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
        assert player.lofi("player", "next").stdout.startswith(f"playing {sun}, 2 of 3")
        assert player.lofi("player", "next").stdout.startswith("nothing plays")
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
        (["volume", "102"], 2, "give 0 to 1, or a percentage such as 40"),
        (["seek", "soon"], 2, "give seconds, m:ss or h:mm:ss"),
        (["seek", "1:2:3"], 2, "give seconds, m:ss or h:mm:ss"),
        (["crossfade", "13"], 2, "0<=x<=12"),
        (["loop", "once"], 2, "'off', 'track', 'list'"),
        (["add", "0123456789abcdef"], 2, "no track 0123456789abcdef"),
        (["add", "0123", "--next", "--at", "1"], 2, "give --at or --next"),
        (["device", "Loudspeaker", "--default"], 2, "give a NAME or --default"),
        (["device", "Loudspeaker"], 1, 'there are: "null"\n      The setting player.device decides'),
    ],
)
def test_what_can_not_be_played(standing_home: Home, arguments: list[str], code: int, words: str) -> None:
    standing_home.environ["LOFI_PLAYER_DEVICE"] = "null"
    done = standing_home.lofi("player", *arguments)
    assert (done.returncode, done.stdout) == (code, "") and words in done.stderr


def test_a_list_is_made_looked_at_and_gone_through(player: Home) -> None:
    rain, sun, snow = made(player, "rain", "sun", "snow")
    assert player.lofi("player", "add", rain, sun).stdout == "nothing plays, 2 tracks wait, volume 0.3\n"
    assert player.lofi("player", "toggle").stdout.startswith(f"playing {rain}, 1 of 2, at 0:00")
    assert player.lofi("player", "add", "--next", snow[:8]).stdout.startswith(f"playing {rain}, 1 of 3")
    assert player.lofi("player", "next").stdout.startswith(f"playing {snow}, 2 of 3")
    assert player.lofi("player", "seek", "0:20").stdout.startswith(f"playing {snow}, 2 of 3, at 0:20 of 1:00")
    assert player.lofi("player", "pause").returncode == 0
    assert ", at 0:1" in player.lofi("player", "seek", "-5").stdout
    assert ", at 0:3" in player.lofi("player", "seek", "+15.5").stdout
    assert player.lofi("player", "list").stdout.splitlines() == [
        f"    1  {rain}   1:00  rain",
        f">   2  {snow}   1:00  snow",
        f"    3  {sun}   1:00  sun",
    ]
    assert player.lofi("player", "previous").stdout.startswith(f"paused {snow}, 2 of 3, at 0:00")
    assert player.lofi("player", "previous").stdout.startswith(f"playing {rain}, 1 of 3")
    assert player.lofi("player", "remove", "3").stdout.startswith(f"playing {rain}, 1 of 2")
    assert player.lofi("player", "clear").stdout.startswith(f"playing {rain}, at 0:0")
    listed = json.loads(player.lofi("player", "list", "--json").stdout)
    assert ([item["track_id"] for item in listed["items"]], listed["index"]) == ([rain], 0)
    assert player.lofi("player", "stop").returncode == 0
    assert player.lofi("player", "list").stdout == "the list is empty\n"
    gone = player.lofi("player", "remove", "1")
    assert gone.returncode == 2 and "there is no place 1; the list has 0 tracks" in gone.stderr


def test_what_is_set_is_told_and_remembered(player: Home) -> None:
    assert player.lofi("player", "crossfade").stdout == "crossfade 2 s\n"
    assert player.lofi("player", "crossfade", "4.5").stdout == "crossfade 4.5 s\n"
    assert player.lofi("player", "loop").stdout == "loop off\n"
    assert player.lofi("player", "loop", "track").stdout == "loop track\n"
    assert player.lofi("player", "device").stdout == "sound goes to the default device\n"
    (rain,) = made(player, "rain")
    shown = player.lofi("player", "play", rain, "--no-wait").stdout
    assert shown.startswith(f"playing {rain}, the track again and again, at 0:00 of 1:00")
    assert player.lofi("broker", "stop").returncode == 0
    assert json.loads(player.lofi("player", "crossfade", "--json").stdout)["crossfade_sec"] == 4.5


def test_a_track_that_is_being_made_is_waited_for(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = f"file:{home.root}/heard.wav"
    track_id = home.submit("slow 1 rain", "-d", "5", "--seed", "1", "--no-wait").stdout.strip()
    done = home.lofi("player", "play", track_id[:8], "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (told[0]["event"], told[0]["state"]) == ("accepted", "waiting")
    started = [line["prompt"] for line in told if line["event"] == "playback_started"]
    assert (done.returncode, started, told[-1]["reason"]) == (0, ["slow 1 rain"], "finished")
    cancelled = home.submit("slow 60", "-d", "5", "--no-wait").stdout.strip()
    with playing(home, cancelled) as process:
        assert home.lofi("cancel", cancelled).returncode == 0
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and "its generation was cancelled" in errors


def test_without_a_broker_nothing_plays(player: Home) -> None:
    for order in ("status", "pause", "resume", "toggle", "stop", "next", "previous", "clear", "list"):
        assert player.lofi("player", order).returncode == 3


def test_no_sound_output_is_told_in_words(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "file:/nowhere/heard.wav"
    (rain,) = made(home, "rain")
    done = home.lofi("tracks", "play", rain)
    assert (done.returncode, done.stdout) == (1, "") and "/nowhere" in done.stderr
    assert "Traceback" not in done.stderr
