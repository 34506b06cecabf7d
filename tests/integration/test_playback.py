"""Playing tracks through the broker: real processes, the null device and files."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from numpy.typing import NDArray

from tests.integration.test_lifecycle import start_headless
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.player import NO_SOUND, PACED, RATE
from tests.support.stdio import Stdio

NULL = {"LOFI_PLAYER_DEVICE": "null"}
PLAIN = {"LOFI_PLAYER_VOLUME": "1", "LOFI_PLAYER_CROSSFADE_SEC": "0", "LOFI_PLAYER_LOUDNESS_LUFS": "0"}
"""What is heard is what lies in the files."""


@pytest.fixture
def session(home: Home) -> Iterator[Stdio]:
    """A broker whose sound goes nowhere, in real time."""
    with Stdio({**home.environ, **NULL}) as broker:
        yield broker


def make(broker: Stdio, *prompts: str) -> list[str]:
    """Tracks of five seconds; their ids."""
    ids = [broker.call("generate", prompt=prompt, duration_sec=5, seed=1)["track_id"] for prompt in prompts]
    for track_id in ids:
        broker.wait("generation_complete", track_id)
    return ids


def told(broker: Stdio) -> list[tuple[str, str]]:
    """(what, id) of each notification about the playback so far; of an end, its reason."""
    return [
        (message["params"].get("reason", message["method"]), message["params"]["track_id"])
        for message in broker.seen
        if isinstance(message, dict)
        and str(message.get("method")).startswith("playback_")
        and message["method"] != "playback_position"
    ]


def player_of(broker: int) -> psutil.Process:
    children = psutil.Process(broker).children()
    return next(child for child in children if "lofi_player" in child.cmdline())


@contextmanager
def watched(process: psutil.Process) -> Iterator[int]:
    """A descriptor that can be read once the process has ended."""
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def heard(file: Path) -> NDArray[np.float32]:
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)[:, 0]


def of_library(broker: Stdio, track_id: str) -> NDArray[np.float32]:
    samples, _ = soundfile.read(broker.call("track_get", track_id=track_id)["path"], dtype="float32")
    return np.asarray(samples)


def test_a_list_is_heard_in_its_order_to_the_sample(home: Home) -> None:
    file = home.root / "heard.wav"
    environ = {"LOFI_PLAYER_DEVICE": f"file:{file}", **PLAIN}
    with Stdio({**home.environ, **environ}) as broker:
        a, b, c = make(broker, "a", "b", "c")
        tracks = [of_library(broker, track_id) for track_id in (b, a, b, c)]
        playing = broker.call("play", track_ids=[b, a, b, c])
        assert (playing["state"], playing["count"], playing["volume"]) == ("playing", 4, 1.0)
        broker.wait("playback_ended", c)
        assert told(broker) == [
            (what, track_id) for track_id in (b, a, b, c) for what in ("playback_started", "finished")
        ]
        starts = broker.notices("playback_started")
        assert [start["index"] for start in starts] == [0, 1, 2, 3]
        assert starts[0] == {"track_id": b, "index": 0, "count": 4, "duration_sec": 5.0, "prompt": "b"}
        stopped = {"state": "stopped", "volume": 1.0, "position_sec": 0.0, "duration_sec": 0.0}
        settings = {"crossfade_sec": 0.0, "loop": "off"}
        assert broker.call("playback_status") == {**stopped, "index": 0, "count": 0, **settings}
    assert np.array_equal(heard(file), np.concatenate(tracks))


def test_one_track_fades_into_the_next_for_as_long_as_was_set(home: Home) -> None:
    file = home.root / "heard.wav"
    environ = hooked(home.root / "hook", PACED.format(speed=10.0))  # else the file outruns orders
    with Stdio({**home.environ, **PLAIN, **environ, "LOFI_PLAYER_DEVICE": f"file:{file}"}) as broker:
        tracks = make(broker, "a", "b")
        assert broker.call("crossfade_set", sec=1.5)["crossfade_sec"] == 1.5
        broker.call("play", track_ids=tracks)
        broker.wait("playback_ended", tracks[1])
        assert told(broker) == [
            (what, track_id) for track_id in tracks for what in ("playback_started", "finished")
        ]
    assert len(heard(file)) == (10 - 1.5) * RATE


def test_without_ids_the_whole_library_newest_first(home: Home) -> None:
    environ = {"LOFI_PLAYER_DEVICE": f"file:{home.root}/heard.wav"}
    with Stdio({**home.environ, **environ}) as broker:
        error = broker.error("play")
        assert (
            error["data"]["error_code"] == "INVALID_TRACK_ID" and "lofi-submit" in error["data"]["recovery"]
        )
        made = [make(broker, prompt)[0] for prompt in ("old", "middle", "new")]
        broker.call("play")
        broker.wait("playback_ended", made[0])
        assert [start["track_id"] for start in broker.notices("playback_started")] == made[::-1]


def test_every_order_and_what_is_told_of_it(session: Stdio) -> None:
    a, b = make(session, "a", "b")
    assert session.call("pause")["state"] == session.call("stop")["state"] == "stopped"
    assert session.call("resume")["state"] == session.call("skip")["state"] == "stopped"
    session.call("play", track_ids=[a, b])
    first = session.wait("playback_position")
    assert first["track_id"] == a and 0.5 < first["position_sec"] < 5.0 and first["duration_sec"] == 5.0
    paused = session.call("pause")
    assert paused["state"] == "paused" and paused["position_sec"] >= first["position_sec"]
    assert session.call("pause") == session.call("playback_status") == session.call("volume_get") == paused
    assert session.call("play")["state"] == session.call("resume")["state"] == "playing"
    assert session.call("play")["track_id"] == a  # what plays goes on
    skipped = session.call("skip")
    assert (skipped["track_id"], skipped["index"], skipped["count"]) == (b, 1, 2)
    assert session.call("play", track_ids=[a])["track_id"] == a
    assert session.call("skip")["state"] == "stopped"
    session.call("play", track_ids=[b])
    assert session.call("stop")["state"] == "stopped"
    assert told(session) == [
        ("playback_started", a),
        ("playback_paused", a),
        ("playback_resumed", a),
        ("skipped", a),
        ("playback_started", b),
        ("replaced", b),
        ("playback_started", a),
        ("skipped", a),
        ("playback_started", b),
        ("stopped", b),
    ]


def test_an_unknown_id_changes_nothing(session: Stdio) -> None:
    (a,) = make(session, "a")
    session.call("play", track_ids=[a])
    error = session.error("play", track_ids=[a, "feedfacefeedface"])
    assert error["code"] == -32009 and "feedfacefeedface" in error["message"]
    assert session.error("play", track_ids=[])["code"] == -32602
    assert session.error("volume_set", volume=1.5)["code"] == -32602
    assert session.call("playback_status")["state"] == "playing"
    assert told(session) == [("playback_started", a)]


def test_tracks_that_are_gone_or_damaged_are_passed_over_and_told(home: Home) -> None:
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": f"file:{home.root}/heard.wav"}) as broker:
        a, damaged, gone, b = make(broker, "a", "damaged", "gone", "b")
        path = Path(broker.call("track_get", track_id=damaged)["path"])
        path.write_bytes(bytes(path.stat().st_size))
        Path(broker.call("track_get", track_id=gone)["path"]).rename(home.root / "elsewhere.wav")
        broker.call("play")  # b, gone, damaged, a
        assert broker.wait("playback_ended", a)["reason"] == "finished"
        ends = {end["track_id"]: end for end in broker.notices("playback_ended")}
        assert [end["reason"] for end in ends.values()].count("failed") == 2
        assert "not in the library" in ends[gone]["message"]
        assert "no sound" in ends[damaged]["message"]
        assert [start["track_id"] for start in broker.notices("playback_started")] == [b, a]
        error = broker.error("play", track_ids=[damaged])
        assert error["code"] == -32009 and "can be played" in error["message"]
        broker.call("play", track_ids=[a, damaged])  # nothing comes after the first one
        broker.wait("playback_ended", a, count=2)
        while broker.call("playback_status")["state"] != "stopped":
            continue


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the sound device can't be hidden")
def test_without_a_sound_device_everything_else_goes_on(home: Home) -> None:
    with Stdio({**home.environ, **NO_SOUND}) as broker:
        (a,) = make(broker, "a")
        for _ in range(2):
            error = broker.error("play", track_ids=[a])
            assert error["code"] == -32012 and "lofi doctor" in error["data"]["recovery"]
        assert broker.call("playback_status")["state"] == "stopped"
        assert broker.call("volume_set", volume=0.5)["volume"] == 0.5
        make(broker, "b")
        assert told(broker) == []


def test_a_player_that_is_killed_ends_the_playback_and_the_next_play_starts_another(session: Stdio) -> None:
    a, b = make(session, "a", "b")
    session.call("play", track_ids=[a, b])
    first = player_of(session.process.pid)
    first.kill()
    end = session.wait("playback_ended")
    assert (end["track_id"], end["reason"]) == (a, "failed") and "SIGKILL" in end["message"]
    assert session.call("playback_status")["state"] == "stopped"
    assert session.call("play", track_ids=[b])["state"] == "playing"
    assert player_of(session.process.pid).pid != first.pid


def test_a_player_that_hangs_is_given_up(home: Home) -> None:
    quick = "import lofi_broker.player_process as p; p._ANSWER_SEC = 4"
    environ = hooked(home.root / "hook", quick)
    with Stdio({**home.environ, **NULL, **environ}) as broker:
        (a,) = make(broker, "a")
        broker.call("play", track_ids=[a])
        player_of(broker.process.pid).suspend()
        broker.send({"jsonrpc": "2.0", "id": "held", "method": "seek", "params": {"position_sec": 1}})
        status = broker.request("status")  # nobody else waits for it
        error = broker.answer("held")["error"]
        assert broker.seen.index(status) < broker.seen.index(broker.answer("held"))
        assert error["code"] == -32012 and "did not answer" in error["message"]
        assert broker.wait("playback_ended")["reason"] == "failed"
        assert broker.call("stop")["state"] == "stopped"


def test_a_player_that_talks_nonsense_is_ended(home: Home) -> None:
    noise = "import os, sys\nif 'lofi_player' in sys.orig_argv: os.write(1, b'{}\\n')"
    environ = hooked(home.root / "hook", noise)
    with Stdio({**home.environ, **NULL, **environ}) as broker:
        error = broker.error("play", track_ids=make(broker, "a"))
        assert error["code"] == -32012 and "SIGKILL" in error["message"]
        assert broker.call("playback_status")["state"] == "stopped"


def test_the_player_does_not_outlive_a_broker_that_is_killed(session: Stdio) -> None:
    session.call("play", track_ids=make(session, "a"))
    with watched(player_of(session.process.pid)) as player:
        session.process.kill()
        assert select.select([player], [], [], 1.0)[0], "the player outlived its broker by a second"


def test_the_music_ends_with_the_editor_that_owns_the_broker(session: Stdio) -> None:
    session.call("play", track_ids=make(session, "a"))
    with watched(player_of(session.process.pid)) as player:
        assert session.close() == 0
        assert select.select([player], [], [], 1.0)[0]


def test_an_idle_player_leaves_and_comes_back(home: Home) -> None:
    with Stdio({**home.environ, **NULL, "LOFI_PLAYER_IDLE_UNLOAD_SEC": "0.2"}) as broker:
        (a,) = make(broker, "a")
        broker.call("play", track_ids=[a])
        with watched(player_of(broker.process.pid)) as player:
            assert not select.select([player], [], [], 0.6)[0], "it left while it played"
            broker.call("stop")
            assert select.select([player], [], [], 10.0)[0]
        assert broker.call("play", track_ids=[a])["state"] == "playing"
        assert [end["reason"] for end in broker.notices("playback_ended")] == ["stopped"]


def test_a_headless_broker_stays_while_something_plays(home: Home) -> None:
    slow = "import sys, time\nif 'lofi_player' in sys.orig_argv: time.sleep(1)"  # to start
    environ = {**NULL, **hooked(home.root / "hook", slow), "LOFI_BROKER_IDLE_EXIT_SEC": "0.3"}
    process = start_headless(home, **environ)
    with RawClient(home.paths.socket("clients")) as client:  # which does not ask for events
        track_id = client.call("generate", prompt="a", duration_sec=5)["track_id"]
        while client.call("track_get", track_id=track_id)["status"] != "complete":
            continue
        client.call("play", track_ids=[track_id])
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        client.call("stop")
    assert process.wait(10.0) == 0


def test_over_zeromq_and_a_relay_the_same_is_told(home: Home) -> None:
    process = start_headless(home, **NULL)
    with RawClient(home.paths.socket("clients")) as client, Stdio(home.environ) as relay:
        client.call("initialize", client="test", protocol=1, events=True)
        (a,) = make(relay, "a")
        assert client.call("play", track_ids=[a])["state"] == "playing"
        assert client.wait("playback_started") == relay.wait("playback_started")
        assert relay.call("pause")["state"] == "paused"
        assert client.wait("playback_paused") == relay.notices("playback_paused")[0]
        relay.call("stop")
        assert client.wait("playback_ended") == {"track_id": a, "reason": "stopped"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10.0) == 0


def test_the_volume_is_remembered(home: Home) -> None:
    def volume(**environ: str) -> Any:
        with Stdio({**home.environ, **NULL, **environ}) as broker:
            return broker.call("volume_get")["volume"]

    assert volume() == 0.3 and volume(LOFI_PLAYER_VOLUME="0.7") == 0.7
    with Stdio({**home.environ, **NULL}) as broker:
        assert broker.call("volume_set", volume=0.25)["volume"] == 0.25
    assert volume(LOFI_PLAYER_VOLUME="0.7") == 0.25
    home.paths.player.write_text('{"volume": "loud"}')
    assert volume() == 0.3
    home.paths.player.unlink()
    home.paths.player.mkdir()
    with Stdio({**home.environ, **NULL}) as broker:  # it can't be written: heard all the same
        assert broker.call("volume_set", volume=0.5)["volume"] == 0.5


def test_whatever_is_ordered_each_track_that_starts_ends_once(home: Home) -> None:
    """Orders in any order, many before the answer to the last; tracks that end as fast as they are read."""
    dice = random.Random(8)
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": f"file:{home.root}/heard.wav"}) as broker:
        ids = make(broker, "a", "b", "c")
        orders: list[Callable[[], tuple[str, dict[str, object]]]] = [
            *(lambda name=name: (name, {}) for name in ("play", "pause", "resume", "skip", "stop")),
            *(lambda name=name: (name, {}) for name in ("toggle", "previous", "playlist_clear")),
            lambda: ("play", {"track_ids": dice.choices(ids, k=3)}),
            lambda: ("seek", {"position_sec": dice.uniform(0.0, 5.0)}),
            lambda: ("playlist_add", {"track_ids": dice.choices(ids, k=2), "index": dice.randrange(3)}),
            lambda: ("playlist_remove", {"index": 0}),
            lambda: ("crossfade_set", {"sec": dice.uniform(0.0, 3.0)}),
        ]
        for number in range(200):
            method, params = dice.choice(orders)()
            broker.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            if dice.random() < 0.5:
                answer = broker.answer(number)
                assert "result" in answer or "the list has 0 tracks" in answer["error"]["message"], answer
        assert broker.call("stop")["state"] == "stopped"
    now: str | None = None
    for what, track_id in told(broker):
        if what == "playback_started":
            assert now is None
            now = track_id
        else:
            assert now == track_id
            now = now if what.startswith("playback_") else None
    assert now is None
