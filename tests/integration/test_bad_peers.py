"""Peers of the sockets that lie, forge or send what is no message: dropped, and nobody else notices."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgpack
import msgspec
import pytest

from lofi_common import messages, wire
from lofi_common.errors import ErrorInfo
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hooks import FIRST_GENERATION_IS_1, hooked
from tests.support.impostor import Impostor, await_log, done
from tests.support.peers import Peer, rss_mb
from tests.support.standing import Standing
from tests.support.stdio import Stdio

MIB = 1 << 20
REQUEST = msgpack.packb({"type": "request", "id": 1, "method": "status", "params": {"a": []}})
BOMBS = {
    "a million maps": b"\xdd\x00\x0f\xff\x00" + b"\x80" * 0xFFF00,
    "a million lists": b"\xdd\x00\x0f\xff\x00" + b"\x90" * 0xFFF00,
    "maps in params": REQUEST[:-1] + b"\xdd\x00\x0f\xf0\x00" + b"\x80" * 0xFF000,
    "a million nils": b"\xdd\x00\x0f\xff\x00" + b"\xc0" * 0xFFF00,
    "deep": b"\x91" * (MIB - 10),
    "deep maps": b"\x81\xa1a" * 300_000,
    "a huge key": b"\x81\xdb\x00\x0f\xff\x00" + b"k" * 0xFFF00 + b"\xc0",
    "an announced string": b"\xdb\xff\xff\xff\xff",
    "an announced list": b"\xdd\xff\xff\xff\xff",
    "a long method": msgpack.packb({"type": "request", "id": 1, "method": "m" * 1_000_000, "params": {}}),
    "a long field": msgpack.packb({"type": "request", "id": 1, "method": "status", "f" * 1_000_000: 1}),
}


@pytest.fixture
def ready(home: Home) -> Iterator[Stdio]:
    """A broker whose first worker is w0.g1."""
    home.environ |= hooked(home.root / "hook", FIRST_GENERATION_IS_1)
    with Stdio(home.environ) as broker:
        broker.call("status")
        yield broker


@pytest.mark.parametrize("where", ["clients", "workers"])
def test_bombs_cost_neither_time_nor_memory(ready: Stdio, home: Home, where: str) -> None:
    with Peer(home.paths.socket(where), b"w0.g1") as peer, RawClient(home.paths.socket("clients")) as other:
        sizes, times = [], []
        for _ in range(6):
            for body in BOMBS.values():
                peer.socket.send_multipart([wire.MAGIC, body])
                began = time.monotonic()
                for _ in range(3):
                    other.call("queue_status")
                times.append(time.monotonic() - began)
            sizes.append(rss_mb(ready.process.pid))
    print(f"{where}: RSS after each round {sizes} MB, others waited {1000 * max(times):.0f} ms at most")
    assert sizes[-1] - sizes[0] < 25 and max(times) < 1.0  # of over 50 that were sent
    assert ready.call("queue_status") == {"current": None, "pending": []}


def test_a_message_over_the_limit_ends_its_connection_and_nothing_else(ready: Stdio, home: Home) -> None:
    with Peer(home.paths.socket("clients")) as peer, RawClient(home.paths.socket("clients")) as other:
        before = rss_mb(ready.process.pid)
        for _ in range(5):
            peer.socket.send_multipart([wire.MAGIC, b"x" * 2 * MIB])
        for _ in range(20):
            other.call("queue_status")
        peer.ask(7, "queue_status")  # over a new connection
        answer = peer.take()
        assert isinstance(answer, messages.Response) and answer.id == 7 and answer.result is not None
        assert rss_mb(ready.process.pid) - before < 15


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [wire.MAGIC],
        [b"LOFI/2", wire.pack(messages.Request(id=1, method="status"))[1]],
        [wire.MAGIC, b"", b""],
        wire.pack(messages.Response(id=1, result={})),
        wire.pack(messages.Event(seq=1, method="ping", params={})),
        wire.pack(messages.Heartbeat(rss=1)),
        wire.pack(messages.Shutdown(reason="leave")),
        [wire.MAGIC, msgpack.packb({"type": "request", "id": 2**64 - 1, "method": "status", "params": []})],
        [wire.MAGIC, msgpack.packb({"type": "request", "id": None, "method": "status", "params": {}})],
        [wire.MAGIC, msgpack.packb({"type": "request", "id": 1, "method": b"status", "params": {}})],
        [b"x"] * 1000,
    ],
)
def test_what_is_no_request_has_no_answer(
    standing_broker: Stdio, standing: Standing, frames: list[bytes]
) -> None:
    with Peer(standing.home.paths.socket("clients")) as peer:
        peer.socket.send_multipart(frames)
        peer.ask(5, "queue_status")
        answer = peer.take()
        assert isinstance(answer, messages.Response) and answer.id == 5
        assert peer.hears_nothing_for(0.1)


@pytest.mark.parametrize("where", ["clients", "workers"])
def test_what_does_not_even_speak_zeromq(ready: Stdio, home: Home, where: str) -> None:
    path = home.paths.socket(where).removeprefix("ipc://")
    strangers = []
    for data in (b"", b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\0" * 8 + b"\x7f" + b"\xff" * 4096):
        for _ in range(10):
            stranger = socket.socket(socket.AF_UNIX)
            stranger.connect(path)
            stranger.sendall(data)
            strangers.append(stranger)
    with RawClient(home.paths.socket("clients")) as other:
        assert other.call("queue_status") == {"current": None, "pending": []}
    track_id = ready.call("generate", prompt="x", duration_sec=5)["track_id"]
    ready.wait("generation_complete", track_id)
    for stranger in strangers:
        stranger.close()


def test_a_client_can_t_take_another_one_s_identity(ready: Stdio, home: Home) -> None:
    endpoint = home.paths.socket("clients")
    with Peer(endpoint, b"editor") as first:
        first.ask(1, "initialize", client="test", protocol=1, events=True)
        assert isinstance(first.take(), messages.Response)
        with Peer(endpoint, b"editor") as second:
            second.ask(1, "queue_status")
            track_id = ready.call("generate", prompt="mine", duration_sec=5)["track_id"]
            ready.wait("generation_complete", track_id)
            while not (isinstance(event := first.take(), messages.Event) and "sha256" in event.params):
                pass
            assert second.hears_nothing_for(0.1)


def test_wrong_versions_are_told_and_get_no_events(ready: Stdio, home: Home) -> None:
    with RawClient(home.paths.socket("clients")) as client:
        for protocol in (0, 2, 2**63 - 1):
            error = client.request("initialize", client="test", protocol=protocol, events=True).error
            assert error is not None and error.name == "INVALID_REQUEST" and "protocol" in error.message
        track_id = ready.call("generate", prompt="x", duration_sec=5)["track_id"]
        ready.wait("generation_complete", track_id)
        client.call("status")
        assert client.events == []


def test_what_a_peer_says_is_cut_before_it_is_repeated(ready: Stdio, home: Home) -> None:
    with RawClient(home.paths.socket("clients")) as client:
        for error in (
            client.request("m" * 900_000).error,
            client.request("status", **{"f" * 900_000: 1}).error,
            client.request("generate", prompt="x", output="/" + "o" * 900_000).error,
            client.request("cache_list", offset=2**64 - 1).error,
        ):
            assert error is not None and error.name in (
                "METHOD_NOT_FOUND",
                "INVALID_PARAMS",
                "CACHE_WRITE_ERROR",
            )
            assert len(error.message) < 5_000
    assert all(len(line) < 5_000 for line in (home.paths.logs / "broker.log").read_text().splitlines())


def test_nobody_speaks_for_a_worker_that_lives(ready: Stdio, home: Home) -> None:
    track_id = ready.call("generate", prompt="slow 3", duration_sec=5)["track_id"]
    ready.wait("generation_progress", track_id)
    error = ErrorInfo(code=1, name="FORGED", message="forged")
    spool_file = home.paths.spool / f"{track_id}.1.wav"
    spool_file.write_bytes(b"not the worker's")
    said = (
        messages.Hello(protocol=1, worker="w0", generation=1, pid=1),
        messages.Hello(protocol=99, worker="w0", generation=1, pid=1),
        messages.Failed(job_id=track_id, attempt=1, error=error),
        done(home, track_id),
        messages.LoadFailed(error=error),
    )
    endpoint = home.paths.socket("workers")
    with ExitStack() as stack:
        # Of no living generation, or no workers at all. w0.g1 itself is taken: ROUTER ignores a second one.
        strangers = (b"w0.g0", b"w0.g2", b"w1.g1", b"w0", b"\xff.g1", b"w0.g-1", b".g1", b"x" * 255)
        for identity in (b"w0.g1", *strangers):
            peer = stack.enter_context(Peer(endpoint, identity))
            for message in said:
                peer.send(message)
        await_log(home, "worker_message", len(strangers) * len(said))  # stale, or dropped
    assert spool_file.exists()
    complete = ready.wait("generation_complete", track_id)
    assert Path(complete["path"]).read_bytes()[:4] == b"RIFF"
    assert ready.notices("generation_error") == [] and ready.notices("worker_restart") == []


@pytest.mark.parametrize(
    "name", ["a\0b", "..", "x/../../config", "{track}.1.wav/..", "", "folder", "old.7.wav", "other.7.wav"]
)
def test_a_dead_worker_s_file_is_deleted_only_if_it_is_one(ready: Stdio, home: Home, name: str) -> None:
    folder, old, other = (home.paths.spool / each for each in ("folder", "old.7.wav", "other.7.wav"))
    folder.mkdir()
    old.write_bytes(b"late")
    other.write_bytes(b"another worker's")
    with Peer(home.paths.socket("workers"), b"w0.g0") as peer:
        raw = {
            **{key: getattr(done(home, "old"), key) for key in messages.Done.__struct_fields__},
            "type": "done",
            "attempt": 7,
            "path": f"{home.paths.spool}/{name}",
        }
        peer.socket.send_multipart([wire.MAGIC, msgpack.packb(raw)])
        track_id = ready.call("generate", prompt="x", duration_sec=5)["track_id"]
        ready.wait("generation_complete", track_id)
    assert folder.is_dir() and other.exists() and home.paths.config_file.parent.parent.is_dir()
    assert old.exists() == (name != "old.7.wav")


SHA256 = hashlib.sha256(b"RIFF").hexdigest()
NONSENSE: list[dict[str, object]] = [
    {"path": "/etc/passwd"},
    {"path": "{spool}/../{name}"},
    {"path": "{spool}/folder/{name}"},
    {"path": "{spool}/{name}\0"},
    {"path": "relative"},
    {"bytes": -1},
    {"bytes": 2**64 - 1},
    {"sample_rate": 0},
    {"samples": 2**63},
    {"sha256": ""},
    {"sha256": "0" * 64},
    {"sha256": "../" * 10},
    {"attempt": 0},
    {"generation_sec": -1.0},
]


def test_a_worker_that_tells_nonsense_of_its_tracks(ready: Stdio, home: Home) -> None:
    with Impostor(ready, home) as impostor:
        impostor.load()
        for number, changes in enumerate(NONSENSE):
            ready.call("generate", prompt=f"next {number}", duration_sec=5, seed=1)
            track_id = impostor.job().job_id
            name = f"{track_id}.1.wav"
            (home.paths.spool / name).write_bytes(b"RIFF")
            path = str(changes.get("path", "")).format(spool=home.paths.spool, name=name)
            if path:
                changes = {"path": path}
            good = done(home, track_id, bytes=4, sha256=SHA256)
            impostor.socket.send_multipart([wire.MAGIC, msgpack.packb(msgspec.to_builtins(good) | changes)])
            impostor.send(good)
            if changes.get("sha256") == "0" * 64 or (
                path.startswith(str(home.paths.spool)) and "\0" not in path
            ):
                # Well-formed, but another file, or in another folder: the track has failed.
                assert ready.wait("generation_error", track_id)["code"] == "CACHE_WRITE_ERROR", changes
            else:
                assert ready.wait("generation_complete", track_id)["sha256"] == SHA256, changes
    assert len(ready.notices("generation_error")) == 3
    assert Path("/etc/passwd").exists()


def test_a_worker_that_fails_with_a_megabyte_of_words(ready: Stdio, home: Home) -> None:
    with Impostor(ready, home) as impostor, RawClient(home.paths.socket("clients")) as client:
        client.call("initialize", client="test", protocol=1, events=True)
        impostor.load()
        track_id = impostor.job().job_id
        error = ErrorInfo(code=-32003, name="MODEL_INFERENCE_FAILED", message="m" * (MIB - 300))
        impostor.send(messages.Failed(job_id=track_id, attempt=1, error=error))
        assert len(client.wait("generation_error")["message"]) < 5_000
        assert len(client.call("track_get", track_id=track_id)["error"]["message"]) < 5_000


def test_a_worker_that_says_anything_in_any_order(ready: Stdio, home: Home) -> None:
    with Impostor(ready, home) as impostor:
        impostor.load()
        run = impostor.job()
        track_id = run.job_id
        error = ErrorInfo(code=1, name="X", message="x")
        for message in (
            messages.Started(job_id="nobody", attempt=1),
            messages.Started(job_id=track_id, attempt=99),
            messages.Progress(job_id=track_id, attempt=1, done=2**62, total=0, audio_sec=0.0),
            messages.Progress(job_id=track_id, attempt=1, done=0, total=2**62, audio_sec=1e300),
            messages.Progress(job_id="nobody", attempt=1, done=1, total=2, audio_sec=0.0),
            messages.Hello(protocol=1, worker="w0", generation=1, pid=1),
            messages.Heartbeat(rss=0),
            messages.Failed(job_id="nobody", attempt=1, error=error),
            messages.Failed(job_id=track_id, attempt=2, error=error),
            done(home, "nobody"),
            done(home, track_id, attempt=2, path=str(home.paths.spool / f"{track_id}.2.wav")),
            messages.Ready(model_version=run.spec.model_version, device="y", slots=1, load_sec=0.0, rss=1),
            run,
            messages.Cancel(job_id=track_id, attempt=1),
            messages.Shutdown(reason="forged"),
        ):
            impostor.send(message)
        for slots in (0, -1, 65, 2**63):
            raw = {
                "type": "ready",
                "model_version": "x",
                "device": "x",
                "slots": slots,
                "load_sec": 0.0,
                "rss": 1,
            }
            impostor.socket.send_multipart([wire.MAGIC, msgpack.packb(raw)])
        impostor.send(messages.Failed(job_id=track_id, attempt=1, error=error))
        assert ready.wait("generation_error", track_id)["code"] == "X"
        assert len(ready.notices("generation_error")) == 1


def test_an_impostor_that_keeps_a_worker_out_is_outlived(home: Home) -> None:
    home.environ["LOFI_WORKER_LOAD_TIMEOUT_SEC"] = "3"
    home.environ |= hooked(home.root / "hook", FIRST_GENERATION_IS_1)
    with Stdio(home.environ) as broker:
        broker.call("status")
        with Impostor(broker, home):
            track_id = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
            broker.wait("generation_complete", track_id)
        assert "not ready after 3 s" in broker.notices("worker_restart")[0]["reason"]
