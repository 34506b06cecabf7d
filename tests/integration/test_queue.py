"""The queue over several brokers, as a client sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys

from lofi_client.launch import find_broker
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.stdio import Stdio


def test_a_volatile_queue_ends_with_its_broker_and_says_so(home: Home) -> None:
    with Stdio(home.environ) as broker:
        running = broker.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
        queued = broker.call("generate", prompt="queued", duration_sec=5)["track_id"]
        broker.wait("generation_start", running)
        broker.process.kill()
    with Stdio(home.environ, "--set", "queue.durable=false") as broker:
        for name in (running, queued):
            track = broker.call("track_get", track_id=name)
            assert track["status"] == "cancelled" and "queue.durable" in track["error"]["message"]
        assert broker.call("queue_status") == {"current": None, "pending": []}
        fresh = broker.call("generate", prompt="queued", duration_sec=5, seed=1)["track_id"]
        broker.wait("generation_complete", fresh)


def test_what_a_volatile_queue_lost_is_not_promised(home: Home) -> None:
    home.environ["LOFI_QUEUE_DURABLE"] = "false"
    assert home.lofi("broker", "start").returncode == 0
    found = find_broker(home.paths)
    assert found is not None
    command = [sys.executable, "-m", "lofi_cli.submit", "slow 60", "-d", "5"]
    environ = {**os.environ, **home.environ}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as waiting:
        with RawClient(found.endpoint) as client:
            client.call("initialize", client="test", protocol=1, events=True)
            while client.call("queue_status")["current"] is None:
                client.wait("generation_start")
        os.kill(found.pid, signal.SIGKILL)
        _, told = waiting.communicate(timeout=20)
    assert waiting.returncode == 3 and "is kept" not in told and "queue.durable is false" in told
    assert home.lofi("broker", "start").returncode == 0
    assert "1 tracks of an earlier broker were cancelled" in home.lofi("status").stdout


def test_only_the_last_ends_are_remembered_and_the_library_keeps_its_tracks(home: Home) -> None:
    home.environ["LOFI_QUEUE_KEEP_ENDED"] = "1"
    with Stdio(home.environ) as broker:
        names = []
        for prompt in ("made", "fail@1 a", "fail@1 b"):
            names.append(broker.call("generate", prompt=prompt, duration_sec=5, seed=1)["track_id"])
            broker.wait("generation_error" if "fail" in prompt else "generation_complete", names[-1])
    with Stdio(home.environ) as broker:
        made, first, last = names
        assert broker.call("track_get", track_id=last)["status"] == "failed"
        error = broker.error("track_get", track_id=first)
        assert error["data"]["error_code"] == "INVALID_TRACK_ID"
        assert broker.call("track_get", track_id=made)["status"] == "complete"
        again = broker.call("generate", prompt="fail@1 a", duration_sec=5, seed=1)["track_id"]
        assert again == first and broker.wait("generation_error", first)["code"] == "MODEL_INFERENCE_FAILED"


def test_a_queue_that_can_t_be_written_is_told_at_the_start(home: Home) -> None:
    with Stdio(home.environ) as broker:
        broker.call("status")
    with contextlib.closing(sqlite3.connect(home.paths.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = home.run("lofi_broker", "--stdio")
    assert refused.returncode == 1
    assert "can't be taken over: database is locked" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_long_queue_of_long_prompts_can_be_asked_for(home: Home) -> None:
    home.environ["LOFI_QUEUE_MAX_PENDING"] = "130"
    with Stdio(home.environ) as broker, RawClient(home.paths.socket("clients")) as client:
        running = client.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
        broker.wait("generation_start", running)
        for number in range(130):
            client.call("generate", prompt=f"{number:3} " + "\U0001f3b5" * 996, duration_sec=5)
        for pending in (client.call("queue_status")["pending"], broker.call("queue_status")["pending"]):
            assert [job["position"] for job in pending] == list(range(100))
        assert client.call("status")["queue_length"] == 130
        assert client.call("queue_clear") == {"cancelled": 130}
        client.call("queue_cancel", track_id=running)


def test_several_tracks_are_cancelled_and_what_can_not_be_is_named(home: Home) -> None:
    ids = [home.submit(f"slow {n}", "-d", "5", "--no-wait").stdout.strip() for n in range(60, 64)]
    made = home.submit("quick", "-d", "5", "--priority", "high", "--no-wait").stdout.strip()
    some = home.lofi("cancel", ids[0], "0" * 16, "xyz", ids[1][:6], ids[2])
    assert some.returncode == 2
    # The last one first: none starts while the others are taken back.
    assert some.stdout.splitlines() == [f"{track_id} is cancelled" for track_id in reversed(ids[:3])]
    assert "no job of track 0000000000000000" in some.stderr and "'xyz' is too short" in some.stderr
    with RawClient(home.paths.socket("clients")) as client:
        client.call("initialize", client="test", protocol=1, events=True)
        while client.call("track_get", track_id=made)["status"] != "complete":
            client.wait("generation_complete")
    every = home.lofi("cancel", "--all")
    assert (every.returncode, every.stdout) == (0, f"{ids[3]} is cancelled\n")
    ended = home.lofi("cancel", made)
    assert ended.returncode == 2 and f"no job of track {made} is queued or running" in ended.stderr
    assert home.lofi("cancel", "--all").stderr == "lofi: nothing runs, nothing waits\n"


def test_status_names_what_plays(home: Home) -> None:
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    assert home.submit("rainy night", "-d", "5").returncode == 0
    assert home.lofi("tracks", "play", "--no-wait").returncode == 0
    assert home.lofi("player", "pause").returncode == 0
    (line,) = [line for line in home.lofi("status").stdout.splitlines() if line.startswith("paused ")]
    assert line.endswith(" of 0:05  rainy night")
