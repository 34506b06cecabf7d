"""Too much at once: requests by the ten thousand, readers that never read, clients by the thousand."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import zmq

from lofi_common import wire
from lofi_common.messages import Request, Response
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.peers import Peer, rss_mb
from tests.support.pings import Pings
from tests.support.stdio import Stdio

FLOOD_SEC = 3.0
PER_SEC = 10_000

# Sends at its own pace whatever comes back, and reads what comes.
FLOODER = f"""
import sys, time, zmq
from lofi_common import wire
from lofi_common.messages import Request
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(sys.argv[1])
frames = wire.pack(Request(id=1, method="queue_status"))
began, sent, answered = time.monotonic(), 0, 0
while (passed := time.monotonic() - began) < {FLOOD_SEC}:
    while sent < passed * {PER_SEC}:
        try:
            socket.send_multipart(frames, flags=zmq.NOBLOCK)
        except zmq.Again:
            break
        sent += 1
    while socket.poll(1):
        socket.recv_multipart()
        answered += 1
        if answered % 100 == 0:
            break
print(sent, answered)
"""


@pytest.fixture
def ready(broker: Stdio) -> Stdio:
    track_id = broker.call("generate", prompt="warm", duration_sec=5)["track_id"]
    broker.wait("generation_complete", track_id)
    return broker


@contextmanager
def flood(home: Home) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", FLOODER, home.paths.socket("clients")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process


def test_requests_by_the_thousand_a_second_leave_others_their_turn(ready: Stdio, home: Home) -> None:
    before = rss_mb(ready.process.pid)
    with RawClient(home.paths.socket("clients")) as other:
        over_zeromq = Pings("another client, flooded", lambda: other.call("queue_status"))
        over_stdio = Pings("the editor, flooded", lambda: ready.call("queue_status"))
        with flood(home) as process, over_zeromq, over_stdio:
            assert process.stdout is not None
            said = process.stdout.read()
    sent, answered = map(int, said.split())
    grown = rss_mb(ready.process.pid) - before
    print(
        f"of {PER_SEC} requests/s {sent / FLOOD_SEC:.0f} could be sent, {answered / FLOOD_SEC:.0f} answered;"
        f" grew by {grown:.1f} MB"
    )
    assert sent > 2_000 * FLOOD_SEC  # or it would be no flood
    assert answered > 1000
    assert over_zeromq.p99_ms < 500 and over_stdio.p99_ms < 500
    assert grown < 25
    track_id = ready.call("generate", prompt="after the flood", duration_sec=5)["track_id"]
    ready.wait("generation_complete", track_id)


def test_an_editor_that_floods_leaves_others_their_turn(ready: Stdio, home: Home) -> None:
    lines = b'{"jsonrpc":"2.0","id":"f","method":"queue_status"}\n' * 20_000
    before = rss_mb(ready.process.pid)
    with RawClient(home.paths.socket("clients")) as other:
        pings = Pings("a client beside an editor that floods", lambda: other.call("queue_status"))
        with pings:
            ready.send_raw(lines)
            began = time.monotonic()
            assert ready.call("queue_status")["pending"] == []
            print(f"20,000 requests answered in {time.monotonic() - began:.1f} s after the last was sent")
    assert pings.p99_ms < 500 and rss_mb(ready.process.pid) - before < 25


def test_a_client_that_never_reads_does_not_grow_the_broker(ready: Stdio, home: Home) -> None:
    endpoint = home.paths.socket("clients")
    with Peer(endpoint, receive_hwm=1) as silent, RawClient(endpoint) as other:
        other.call("initialize", client="test", protocol=1, events=True)
        sizes = [rss_mb(ready.process.pid)]
        silent.ask(0, "initialize", client="silent", protocol=1, events=True)
        for _ in range(3):
            for number in range(400):
                silent.ask(number, "status", **{"f" * 60_000: 1})  # refused at length
            while psutil.Process(ready.process.pid).cpu_percent(0.1) > 20:  # until all is answered
                other.call("queue_status")
            sizes.append(rss_mb(ready.process.pid))
        print(f"24 MB of answers that nobody reads, three times: RSS {sizes} MB")
        assert sizes[-1] - sizes[0] < 36  # of 72; what stays is fragments of glibc's heap, 90 MB after 4 GB
        track_id = other.call("generate", prompt="for those who read", duration_sec=5)["track_id"]
        assert other.wait("generation_complete")["track_id"] == track_id


def test_a_burst_reaches_a_reader_that_is_only_slow(ready: Stdio, home: Home) -> None:
    """More answers at once than ZeroMQ's buffers hold, read late: each one comes, in order."""
    with Peer(home.paths.socket("clients"), receive_hwm=1) as slow:
        for number in range(800):
            slow.ask(number, "m" * 3_000)
        for _ in range(100):
            ready.call("queue_status")
        answers = [slow.take() for _ in range(800)]
        assert [answer.id for answer in answers if isinstance(answer, Response)] == list(range(800))


def test_a_thousand_clients_that_come_and_go(ready: Stdio, home: Home) -> None:
    process = psutil.Process(ready.process.pid)
    endpoint = home.paths.socket("clients")

    def crowd() -> None:
        """A hundred at once; a third leaves with a request under way."""
        context = zmq.Context()
        context.setsockopt(zmq.MAX_SOCKETS, 200)
        sockets = []
        for number in range(100):
            client = context.socket(zmq.DEALER)
            client.setsockopt(zmq.LINGER, 0)
            client.connect(endpoint)
            params = {"client": "crowd", "protocol": 1, "events": True}
            client.send_multipart(wire.pack(Request(id=number, method="initialize", params=params)))
            sockets.append(client)
        for client in sockets[33:]:
            assert client.poll(10_000)
        for client in sockets:
            client.close()
        context.term()

    crowd()
    files, memory = process.num_fds(), rss_mb(process.pid)
    for _ in range(10):
        crowd()
    with RawClient(endpoint) as last:
        last.call("initialize", client="last", protocol=1, events=True)
        track_id = last.call("generate", prompt="who is left", duration_sec=5)["track_id"]
        assert last.wait("generation_complete")["track_id"] == track_id
        patience = time.monotonic() + 5
        while process.num_fds() - files >= 10 and time.monotonic() < patience:
            last.call("queue_status")
    grown = rss_mb(process.pid) - memory
    print(f"1,000 clients: {process.num_fds() - files:+d} file descriptors, {grown:+.1f} MB")
    assert process.num_fds() - files < 10 and grown < 10
