"""The radio: real processes, and a player that writes a file many times faster than real time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import ANY

import numpy as np
import psutil
import pytest
import soundfile
from numpy.typing import NDArray

from tests.integration.test_playback import make, player_of
from tests.support.home import MODEL_TOML, Home
from tests.support.hooks import hooked
from tests.support.models import put_model
from tests.support.player import NO_SOUND, PACED, RATE
from tests.support.stdio import Stdio

PICKY = f"""
if 'lofi_player' in sys.orig_argv:
    from lofi_common.errors import AudioDeviceError
    anything = FileSink.__init__

    def picky(self, path, sample_rate, **how):
        if sample_rate != {RATE}:
            raise AudioDeviceError("not at this rate")
        anything(self, path, sample_rate, **how)

    FileSink.__init__ = picky
"""
"""A device that takes sound of one rate alone."""

LONGEST_SILENCE = 0.03 * RATE


@contextmanager
def radio(home: Home, *, speed: float = 10.0, hook: str = "", **settings: object) -> Iterator[Stdio]:
    """A broker with short tracks; what is heard lies in `heard(home)`. hook: code that its processes run."""
    chosen = {"track_sec": 5, "ahead_sec": 8, "polite": "false", **settings}
    environ = {
        "LOFI_PLAYER_DEVICE": f"file:{home.root}/heard.wav",
        "LOFI_PLAYER_VOLUME": "1",
        "LOFI_PLAYER_LOUDNESS_LUFS": "0",
        **{f"LOFI_RADIO_{key.upper()}": str(value) for key, value in chosen.items()},
        **hooked(home.root / "hook", PACED.format(speed=speed), hook),
    }
    with Stdio({**home.environ, **environ}) as broker:
        yield broker


def heard(home: Home) -> NDArray[np.float32]:
    samples, rate = soundfile.read(home.root / "heard.wav", dtype="float32")
    assert rate == RATE
    return np.asarray(samples)[:, 0]


def longest_silence(samples: NDArray[np.float32]) -> int:
    """Frames in a row in which next to nothing is heard."""
    loud = np.flatnonzero(np.abs(samples) > 1e-4)
    return int(np.diff(loud).max(initial=0))


def wait_state(broker: Stdio, **wanted: object) -> Any:
    """The first radio_changed, seen already or to come, that says all this."""
    count = 1
    while True:
        status = broker.wait("radio_changed", count=count)
        if all(key in status and status[key] == value for key, value in wanted.items()):
            return status
        count += 1


def wait_coming(broker: Stdio, prompt: str) -> None:
    """Until what follows the piece that plays is of this prompt."""
    end = time.monotonic() + 20
    while True:
        found = broker.call("playlist_get")
        coming = found["items"][found["index"] + 1 :]
        if coming and coming[0]["prompt"] == prompt:
            return
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_tracks_follow_each_other_and_stay_in_the_library(home: Home) -> None:
    with radio(home) as broker:
        assert broker.call("radio_status")["state"] == "off"
        started = broker.call("radio_start", prompt="rain", seed=1)
        assert (started["state"], started["mode"], started["prompt"]) == ("starting", "playlist", "rain")
        broker.wait("playback_started", count=4)
        status = broker.call("radio_status")
        assert status["state"] == "playing" and "next_prompt" not in status and "message" not in status
        stopped = broker.call("radio_stop")
        assert stopped["state"] == "off"
        assert broker.call("playback_status")["state"] == "stopped"
        assert broker.call("queue_status") == {"current": None, "pending": []}
        tracks = broker.call("cache_list")["tracks"]
        assert len(tracks) >= 4 and {track["prompt"] for track in tracks} == {"rain"}
        assert len({track["seed"] for track in tracks}) == len(tracks)
        assert not broker.notices("playback_waiting")[1:]
        assert {end["reason"] for end in broker.notices("playback_ended")} <= {"finished", "stopped"}
    assert 0 < longest_silence(heard(home)) < LONGEST_SILENCE


def test_a_stream_is_one_unbroken_piece_of_music_and_leaves_nothing_behind(home: Home) -> None:
    pieces: list[NDArray[np.float32]] = []
    with radio(home, speed=15.0, mode="stream", ahead_sec=60) as broker:
        broker.call("radio_start", prompt="rain")
        for number in range(1, 4):
            path = broker.wait("generation_complete", count=number)["path"]
            pieces.append(np.asarray(soundfile.read(path, dtype="float32")[0]))
        broker.wait("playback_started", count=3)
        broker.call("radio_stop")
        assert broker.call("cache_list")["total"] == 0
        assert not [path for path in home.paths.tracks.iterdir() if path.suffix == ".wav"]
    samples, chain = heard(home)[: -RATE // 10], np.concatenate(pieces)  # the end is faded
    assert [len(piece) / RATE for piece in pieces] == [30, 18, 18]
    assert len(samples) > 47 * RATE
    assert np.array_equal(samples, chain[: len(samples)])


@pytest.mark.parametrize("mode", ["playlist", "stream"])
def test_a_generator_slower_than_the_music_never_lets_it_fall_silent(home: Home, mode: str) -> None:
    """Later pieces take 1 s, and would be over after less than half of that."""
    speed = 12.0 if mode == "playlist" else 40.0
    with radio(home, speed=speed, mode=mode) as broker:
        broker.call("radio_start", prompt="rain")
        broker.wait("generation_start")
        broker.call("radio_prompt", prompt="slow 1 rain")
        broker.wait("playback_started", count=3)
        broker.call("radio_stop")
        assert not broker.notices("playback_waiting")[1:]
        assert {end["reason"] for end in broker.notices("playback_ended")} <= {"finished", "stopped"}
    samples = heard(home)
    once = 10 if mode == "playlist" else 48
    assert len(samples) > 1.5 * once * RATE  # much came more than once
    assert 0 < longest_silence(samples) < LONGEST_SILENCE


@pytest.mark.parametrize("mode", ["playlist", "stream"])
def test_another_prompt_is_heard_with_the_next_piece(home: Home, mode: str) -> None:
    with radio(home, speed=4.0 if mode == "playlist" else 16.0, mode=mode) as broker:
        assert broker.error("radio_prompt", prompt="sun")["code"] == -32602
        broker.call("radio_start", prompt="rain")
        wait_state(broker, state="playing")
        assert broker.error("radio_prompt", prompt=" ")["data"]["error_code"] == "INVALID_PROMPT"
        broker.call("pause")  # nothing begins before the new piece is there, however slow this machine is
        begun = len(broker.notices("playback_started"))
        changed = broker.call("radio_prompt", prompt=" sun ")
        assert (changed["prompt"], changed["next_prompt"]) == ("rain", "sun")
        wait_coming(broker, "sun")
        broker.call("resume")
        assert broker.wait("playback_started", count=begun + 1)["prompt"] == "sun"
        assert "next_prompt" not in wait_state(broker, prompt="sun")
        history = broker.call("prompt_history")["prompts"]
        assert [each["prompt"] for each in history] == ["sun", "rain"]


def test_another_radio_tells_nothing_of_the_end_of_the_first_one(home: Home) -> None:
    with radio(home, speed=1.0, track_sec=30) as broker:
        broker.call("radio_start", prompt="slow 2 rain")
        wait_state(broker, state="playing")
        broker.call("radio_start", prompt="slow 1 sun")
        wait_state(broker, state="playing", prompt="slow 1 sun")
        assert broker.notices("playback_ended")[0]["message"] == "its generation was cancelled"
        assert not [each for each in broker.notices("radio_changed") if "message" in each]


def test_music_that_somebody_chose_and_silence_end_the_radio(home: Home) -> None:
    with radio(home, speed=2.0) as broker:
        (chosen,) = make(broker, "chosen")
        broker.call("radio_start", prompt="rain")
        wait_state(broker, state="playing")
        assert broker.error("play", track_ids=["feedfacefeedface"])["code"] == -32009
        broker.call("pause")
        assert broker.call("radio_status")["state"] == "paused"
        broker.call("play")
        assert broker.call("radio_status")["state"] == "playing"
        broker.call("play", track_ids=[chosen])
        off = broker.call("radio_status")
        assert (off["state"], off["message"]) == ("off", "another track is played")
        assert broker.notices("radio_changed")[-1] == off
        assert broker.call("playback_status")["track_id"] == chosen
        broker.call("radio_start", prompt="rain")
        broker.wait("playback_started", count=3)
        broker.call("stop")
        off = broker.call("radio_status")
        assert off["state"] == "off" and off["prompt"] == "" and off["message"] == "the music was stopped"
        end = time.monotonic() + 10
        while broker.call("queue_status")["current"] is not None:  # its file may be on its way to the library
            assert time.monotonic() < end
            time.sleep(0.05)


def test_tracks_of_others_do_not_wait_behind_the_radio(home: Home) -> None:
    with radio(home, ahead_sec=60, track_sec=30) as broker:
        first = broker.call("generate", prompt="slow 0.6", duration_sec=5)["track_id"]
        broker.call("radio_start", prompt="rain")
        broker.wait("playback_started")
        broker.call("generate", prompt="slow 0.4", duration_sec=5)
        theirs = broker.call("generate", prompt="slow 0.1", duration_sec=5)["track_id"]
        broker.wait("generation_complete", theirs)
        begun = [start["track_id"] for start in broker.notices("generation_start")]
        assert begun[0] == first and len(begun[: begun.index(theirs)]) <= 4  # one of the radio's between them
        assert broker.call("radio_status")["state"] == "playing"


@pytest.mark.parametrize("mode", ["playlist", "stream"])
def test_killed_workers_and_players_do_not_end_it(home: Home, mode: str) -> None:
    with radio(home, speed=10.0 if mode == "playlist" else 40.0, mode=mode) as broker:
        broker.call("radio_start", prompt="rain")
        broker.wait("playback_started")
        broker.call("radio_prompt", prompt="slow 0.4 rain")
        count = 2  # one of the first prompt may have begun, and need not be heard to its end
        while (start := broker.wait("generation_start", count=count))["prompt"] != "slow 0.4 rain":
            count += 1
        making = start["track_id"]
        worker = next(each for each in broker.call("status")["workers"])
        psutil.Process(worker["pid"]).kill()
        broker.wait("worker_restart")
        assert broker.wait("playback_started", making)["track_id"] == making
        player_of(broker.process.pid).kill()
        assert "SIGKILL" in broker.wait("playback_ended", making)["message"]
        assert broker.wait("playback_started", making, count=2)
        assert "SIGKILL" in wait_state(broker, message=ANY)["message"]
        broker.wait("playback_started", count=len(broker.notices("playback_started")) + 1)
        assert broker.call("radio_status")["state"] == "playing"


def test_a_pause_holds_though_the_player_dies(home: Home) -> None:
    with radio(home) as broker:
        broker.call("radio_start", prompt="rain")
        playing = wait_state(broker, state="playing")["track_id"]
        broker.call("pause")
        begun = len(broker.notices("playback_started"))
        player_of(broker.process.pid).kill()
        assert "SIGKILL" in broker.wait("playback_ended", playing)["message"]
        time.sleep(1.2)  # longer than until the first try to play again
        assert broker.call("radio_status")["state"] == "paused"
        assert len(broker.notices("playback_started")) == begun
        broker.call("resume")
        broker.wait("playback_started", count=begun + 2)
        assert broker.call("radio_status")["state"] == "playing"


def test_chosen_music_that_no_device_takes_leaves_the_radio_playing(home: Home) -> None:
    soundfile.write(home.root / "other.wav", np.ones(44_100, np.float32), 44_100)
    with radio(home, hook=PICKY) as broker:
        other = broker.call("track_import", path=str(home.root / "other.wav"))["track"]["track_id"]
        broker.call("radio_start", prompt="rain")
        wait_state(broker, state="playing")
        assert broker.error("play", track_ids=[other])["data"]["error_code"] == "AUDIO_DEVICE_ERROR"
        begun = len(broker.notices("playback_started"))
        broker.wait("playback_started", count=begun + 2)
        assert broker.call("radio_status")["state"] == "playing"


def test_a_model_whose_tracks_have_an_end_plays_a_playlist(home: Home) -> None:
    own_pace = "max_frames_per_second = 50.0"
    limited = MODEL_TOML.replace("frames_per_second = 50.0", own_pace).replace("= 8192", "= 400")
    put_model(home, "limited", limited.replace("test-model", "limited"))
    with radio(home, track_sec=60) as broker:
        refused = broker.error("radio_start", mode="stream", model="limited")
        assert "limited makes tracks" in refused["message"] and broker.call("radio_status")["state"] == "off"
        broker.call("radio_start", prompt="rain", model="limited")
        assert broker.wait("generation_complete")["duration_sec"] == 7


def test_without_a_sound_device_it_fails_and_says_why(home: Home) -> None:
    with Stdio({**home.environ, **NO_SOUND}) as broker:
        broker.call("radio_start", prompt="rain")
        failed = wait_state(broker, state="failed")
        assert "no sound device" in failed["message"]
        assert broker.call("radio_status") == failed
        assert "Connect a sound device" in failed["recovery"]
        refused = broker.error("resume")
        assert "no sound device" in refused["message"] and refused["data"]["recovery"] == failed["recovery"]
        assert broker.call("queue_status")["current"] is None
        stopped = broker.call("radio_stop")
        assert stopped["state"] == "off" and "message" not in stopped
        assert broker.call("resume")["state"] == "stopped"


def test_a_prompt_that_breaks_the_worker_is_told_and_another_one_helps(home: Home) -> None:
    with radio(home) as broker:
        broker.call("radio_start", prompt="fail@3")
        failed = wait_state(broker, state="failed")
        assert "scripted failure" in failed["message"] and "recovery" in failed
        assert broker.error("resume")["data"]["error_code"] == "MODEL_INFERENCE_FAILED"
        broker.call("radio_start", prompt="rain")
        wait_state(broker, state="playing")
        broker.call("radio_prompt", prompt="fail@3")
        late = wait_state(broker, state="playing", message=ANY)
        assert "scripted failure" in late["message"] and late["prompt"] == "rain"
        broker.call("radio_prompt", prompt="sun")
        assert "message" not in wait_state(broker, state="playing", prompt="sun")


def test_nothing_of_a_stream_is_left_by_a_broker_that_was_killed(home: Home) -> None:
    with radio(home, mode="stream") as broker:
        broker.call("radio_start", prompt="rain")
        broker.wait("playback_started")
        broker.call("radio_prompt", prompt="slow 60")
        wait_state(broker, next_prompt="slow 60")
        broker.process.kill()
        broker.process.wait()
    with Stdio(home.environ) as broker:
        assert broker.call("queue_status") == {"current": None, "pending": []}
        assert broker.call("radio_status")["state"] == "off"
        assert not [path for path in home.paths.tracks.iterdir() if path.suffix == ".wav"]
