"""Tracks that are read while they are made."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from lofi_common.jobs import AudioFormat
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.stdio import Stdio

HEADER = 44


def ask(broker: Stdio, prompt: str, **more: object) -> str:
    return str(broker.call("generate", prompt=prompt, duration_sec=5, seed=1, **more)["track_id"])


def growing(home: Home, track_id: str, attempt: int = 1) -> Path:
    return home.paths.spool / f"{track_id}.{attempt}.growing.wav"


def test_what_is_told_can_be_read_at_once(broker: Stdio, home: Home) -> None:
    whole = Path(broker.wait("generation_complete", ask(broker, "x"))["path"]).read_bytes()
    for kind in AudioFormat:
        track_id = ask(broker, "slow 0.5", format=kind)
        first = broker.wait("generation_progress", track_id)
        assert 0 < first["audio_sec"] < 5 and first["percent"] <= 5
        with growing(home, track_id).open("rb") as listener:
            heard = listener.read()
            assert heard[:HEADER] == whole[:HEADER]  # of the length that is expected
            assert len(heard) >= HEADER + 2 * 32_000 * first["audio_sec"]
            complete = broker.wait("generation_complete", track_id)
            heard += listener.read()  # who has it open gets the rest, whatever became of its name
        assert len(heard) == len(whole)
        told = [progress["audio_sec"] for progress in broker.notices("generation_progress", track_id)]
        assert told == sorted(told) and told[-1] > 4
        assert kind is not AudioFormat.WAV or Path(complete["path"]).read_bytes() == heard
    assert list(home.paths.spool.iterdir()) == []


def test_a_worker_that_is_killed_in_the_middle_leaves_what_its_successor_writes_again(
    broker: Stdio, home: Home
) -> None:
    track_id = ask(broker, "slow 1")
    broker.wait("generation_progress", track_id, count=3)
    with growing(home, track_id).open("rb") as listener:
        (worker,) = broker.call("status")["workers"]
        os.kill(worker["pid"], signal.SIGKILL)
        broker.wait("worker_restart")
        heard = listener.read()
    assert len(heard) > HEADER and not growing(home, track_id).exists()
    broker.wait("generation_start", track_id, count=2)
    whole = Path(broker.wait("generation_complete", track_id)["path"]).read_bytes()
    assert whole.startswith(heard) and len(whole) == HEADER + 2 * 5 * 32_000
    assert list(home.paths.spool.iterdir()) == []


def test_a_cancelled_track_leaves_nothing(broker: Stdio, home: Home) -> None:
    track_id = ask(broker, "slow 10", format="flac")
    broker.wait("generation_progress", track_id)
    assert len(list(home.paths.spool.iterdir())) == 2
    broker.call("queue_cancel", track_id=track_id)
    next_one = ask(broker, "x")
    broker.wait("generation_complete", next_one)  # by the same worker, which has obeyed before
    assert list(home.paths.spool.iterdir()) == []


def test_submit_plays_a_track_while_it_is_made(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    done = home.submit("slow 1", "-d", "60", "--play")
    assert (done.returncode, done.stderr) == (0, "")
    with RawClient(home.paths.socket("clients")) as client:
        playback = client.call("playback_status")
    assert playback["state"] == "playing" and playback["track_id"] == Path(done.stdout.strip()).stem


def test_a_track_that_can_t_be_heard_is_made(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "file:/nowhere/heard.wav"
    done = home.submit("x", "-d", "5", "--play")
    assert done.returncode == 0 and Path(done.stdout.strip()).exists()
    assert "it can't be played" in done.stderr
