"""Several clients at once: an editor on stdio, another relayed, scripts over ZeroMQ. One queue for all."""

from __future__ import annotations

import msgpack
import pytest

from lofi_common import wire
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.standing import Standing
from tests.support.stdio import Stdio


@pytest.fixture
def client(broker: Stdio, home: Home) -> RawClient:
    broker.call("status")
    return RawClient(home.paths.socket("clients"))


def test_stdio_and_zeromq_see_the_same_queue(broker: Stdio, client: RawClient) -> None:
    with client:
        client.call("initialize", client="test", protocol=1, events=True)
        running = broker.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
        client.wait("generation_start")
        queued = client.call("generate", prompt="from the script", duration_sec=5)["track_id"]
        assert broker.call("queue_status") == client.call("queue_status")
        assert broker.call("queue_status")["pending"][0]["track_id"] == queued
        assert client.call("queue_cancel", track_id=running)["status"] == "cancelled"
        done = client.wait("generation_complete")
        assert done == broker.wait("generation_complete", queued)
        numbers = [event.seq for event in client.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_client_that_did_not_ask_gets_no_events(broker: Stdio, client: RawClient) -> None:
    with client:
        client.call("initialize", client="test", protocol=1)
        track_id = client.call("generate", prompt="quiet", duration_sec=5)["track_id"]
        broker.wait("generation_complete", track_id)
        assert client.call("track_get", track_id=track_id)["status"] == "complete"
        assert client.events == []


def test_errors_are_the_same_over_zeromq(broker: Stdio, client: RawClient) -> None:
    with client:
        error = client.request("generate", prompt="x", duration_sec=4).error
        assert error is not None
        over_stdio = broker.error("generate", prompt="x", duration_sec=4)
        assert (error.code, error.name, error.message) == (
            over_stdio["code"],
            over_stdio["data"]["error_code"],
            over_stdio["message"],
        )
        unknown = client.request("nope").error
        assert unknown is not None and unknown.name == "METHOD_NOT_FOUND"


@pytest.mark.parametrize(
    "frames",
    [
        (b"",),
        (b"junk",),
        (b"LOFI/2", b"\x80"),
        (wire.MAGIC, b"\xc1\xff\x00"),
        (wire.MAGIC, msgpack.packb({"type": "hello", "protocol": 1})),
        (wire.MAGIC, msgpack.packb({"type": "request", "id": "1", "method": "status", "params": {}})),
        (wire.MAGIC, msgpack.packb({"type": "request", "id": 1, "method": "status", "params": {}}), b"more"),
        (wire.MAGIC, b"\xdf\xff\xff\xff\xff"),
        (wire.MAGIC, b"\x91" * 10_000),
    ],
)
def test_junk_on_the_socket_is_dropped_and_the_next_request_answered(
    standing_broker: Stdio, standing: Standing, frames: tuple[bytes, ...]
) -> None:
    with RawClient(standing.home.paths.socket("clients")) as client:
        client.send_frames(*frames)
        assert client.call("queue_status") == {"current": None, "pending": []}


def test_a_second_stdio_broker_relays(broker: Stdio, home: Home) -> None:
    broker.call("status")
    with Stdio(home.environ) as relay:
        assert relay.call("status")["broker"]["pid"] == broker.process.pid
        track_id = relay.call("generate", prompt="through the relay", duration_sec=5, seed=1)["track_id"]
        assert relay.wait("generation_complete", track_id) == broker.wait("generation_complete", track_id)
        assert relay.error("generate", prompt="", duration_sec=5)["data"]["error_code"] == "INVALID_PROMPT"
        assert relay.error("nope")["code"] == -32601
        assert relay.close() == 0
    assert broker.call("status")["library_tracks"] == 1


def test_a_relay_drains_what_it_asked_for(broker: Stdio, home: Home) -> None:
    broker.call("status")
    with Stdio(home.environ, "--drain") as relay:
        track_id = relay.call("generate", prompt="slow 0.3", duration_sec=5)["track_id"]
        assert relay.close() == 0
        relay.drain()
        assert relay.notices("generation_complete", track_id)


def test_when_the_broker_is_killed_its_relay_says_so_and_leaves(broker: Stdio, home: Home) -> None:
    broker.call("status")
    with Stdio(home.environ) as relay:
        relay.call("status")
        broker.process.kill()
        assert relay.process.wait(10.0) == 3
        relay.drain()
    assert b"the running broker left" in relay.stderr


def test_when_the_broker_leaves_in_order_its_relays_do_too(broker: Stdio, home: Home) -> None:
    broker.call("generate", prompt="slow 60", duration_sec=5)
    with Stdio(home.environ) as other, Stdio(home.environ) as relay:
        other.call("status")
        assert relay.call("shutdown")["pid"] == broker.process.pid
        assert relay.process.wait(10.0) == other.process.wait(10.0) == 0
        relay.drain()
        other.drain()
    for each in (relay, other):
        assert b"the running broker left: a client asked for it" in each.stderr


def test_beside_a_broker_of_another_protocol_a_relay_says_what_to_do(home: Home) -> None:
    code = "import lofi_common\nlofi_common.PROTOCOL = 2"
    with Stdio({**home.environ, **hooked(home.root / "hook", code)}) as broker:
        assert broker.call("status")["broker"]["protocol"] == 2
        with Stdio(home.environ) as relay:
            assert relay.process.wait(10.0) == 2
            relay.drain()
        assert b"protocol 1, this broker 2" in relay.stderr and b"`lofi broker stop`" in relay.stderr
        assert home.lofi("broker", "stop").returncode == 0
        assert broker.process.wait(10.0) == 0


def test_the_broker_outlives_its_editor_while_another_one_uses_it(broker: Stdio, home: Home) -> None:
    broker.call("status")
    with Stdio(home.environ) as relay:
        relay.call("status")
        assert broker.process.stdin is not None
        broker.process.stdin.close()
        track_id = relay.call("generate", prompt="still here", duration_sec=5)["track_id"]
        relay.wait("generation_complete", track_id)
        relay.call("shutdown")
        assert broker.process.wait(10.0) == 0
