"""Tracks that are heard while they are made: real processes, a slow engine, files and the null device."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from tests.integration.test_playback import NULL, PLAIN, heard, make, of_library, player_of, told
from tests.support.home import Home
from tests.support.stdio import Stdio


@contextmanager
def into_a_file(home: Home) -> Iterator[tuple[Stdio, Path]]:
    """A broker whose sound goes into a file as it is."""
    file = home.root / "heard.wav"
    with Stdio({**home.environ, **PLAIN, "LOFI_PLAYER_DEVICE": f"file:{file}"}) as broker:
        yield broker, file


def order(broker: Stdio, prompt: str, seconds: int = 5) -> str:
    track_id: str = broker.call("generate", prompt=prompt, duration_sec=seconds, seed=1)["track_id"]
    return track_id


def sound_of(broker: Stdio, track_id: str) -> None:
    """Wait until it is made and has its first sound."""
    count = 1
    while broker.wait("generation_progress", track_id, count).get("audio_sec", 0.0) == 0.0:
        count += 1


def worker_of(broker: int) -> int:
    children = psutil.Process(broker).children()
    return next(child.pid for child in children if "lofi_worker" in child.cmdline())


def test_a_track_is_heard_from_its_first_sound_to_its_last_sample(home: Home) -> None:
    with into_a_file(home) as (broker, file):
        (before,) = make(broker, "before")
        slow = order(broker, "slow 2")
        status = broker.call("play", track_ids=[slow, before])
        assert (status["state"], status["track_id"], status["count"]) == ("waiting", slow, 2)
        started = broker.wait("playback_started", slow)
        assert started["duration_sec"] == 5.0 and not broker.notices("generation_complete", slow)
        assert 0 < broker.call("playback_status")["ready_sec"] < 5.0
        broker.wait("playback_ended", before)
        assert told(broker) == [
            ("playback_waiting", slow),
            *((what, slow) for what in ("playback_started", "finished")),
            *((what, before) for what in ("playback_started", "finished")),
        ]
        whole = [of_library(broker, track_id) for track_id in (slow, before)]
    assert np.array_equal(heard(file), np.concatenate(whole))


def test_a_worker_that_is_killed_in_the_middle_is_not_heard(home: Home) -> None:
    """The second attempt goes on where the first broke off, whatever the format."""
    with into_a_file(home) as (broker, file):
        params = {"prompt": "slow 2", "duration_sec": 5, "seed": 1, "format": "flac"}
        track_id = broker.call("generate", **params)["track_id"]
        broker.call("play", track_ids=[track_id])
        broker.wait("playback_started")
        os.kill(worker_of(broker.process.pid), signal.SIGKILL)
        assert broker.wait("playback_ended")["reason"] == "finished"
        assert len(broker.notices("generation_start")) == 2
        whole = of_library(broker, track_id)
    assert np.array_equal(heard(file), whole)


def test_a_generator_slower_than_the_music_is_waited_for(home: Home) -> None:
    with Stdio({**home.environ, **NULL}) as broker:
        slow = order(broker, "slow 6")
        broker.call("play", track_ids=[slow])
        broker.wait("playback_started")
        assert broker.wait("playback_waiting", count=2)["track_id"] == slow
        assert broker.call("playback_status")["state"] == "waiting"
        broker.wait("playback_resumed")
        assert broker.wait("playback_ended")["reason"] == "finished"
        assert broker.notices("generation_complete", slow)


def test_a_track_that_is_cancelled_ends_in_words(home: Home) -> None:
    with Stdio({**home.environ, **NULL}) as broker:
        running, waiting = order(broker, "slow 60"), order(broker, "another")
        broker.call("play", track_ids=[waiting])
        broker.call("queue_cancel", track_id=waiting)
        end = broker.wait("playback_ended")
        assert (end["track_id"], end["reason"], end["message"]) == (
            waiting,
            "failed",
            "its generation was cancelled",
        )
        broker.call("play", track_ids=[running])
        broker.wait("playback_started", running)
        broker.call("queue_cancel", track_id=running)
        assert broker.wait("playback_ended", running)["message"] == "its generation was cancelled"
        assert broker.call("playback_status")["state"] == "stopped"
        failing = order(broker, "slow 2 fail@50")
        broker.call("play", track_ids=[failing])
        assert "scripted failure at step 50" in broker.wait("playback_ended", failing)["message"]


def test_a_player_that_is_killed_is_not_the_end_of_the_track(home: Home) -> None:
    with Stdio({**home.environ, **NULL}) as broker:
        slow = order(broker, "slow 3")
        broker.call("play", track_ids=[slow])
        broker.wait("playback_started")
        player_of(broker.process.pid).kill()
        assert "SIGKILL" in broker.wait("playback_ended")["message"]
        assert broker.call("play", track_ids=[slow])["track_id"] == slow
        broker.wait("playback_started", slow, 2)
        broker.wait("generation_complete", slow)


def test_an_unknown_track_is_refused_and_a_list_may_hold_what_is_queued(home: Home) -> None:
    with Stdio({**home.environ, **NULL}) as broker:
        (a,) = make(broker, "a")
        slow, queued = order(broker, "slow 60"), order(broker, "queued")
        broker.call("play", track_ids=[a, slow, queued])
        sound_of(broker, slow)
        assert broker.error("playlist_add", track_ids=["0" * 16])["data"]["error_code"] == "INVALID_TRACK_ID"
        listed = broker.call("playlist_get")
        assert [item["state"] for item in listed["items"]] == ["complete", "generating", "queued"]
        assert (listed["index"], listed["items"][2]["prompt"]) == (0, "queued")
