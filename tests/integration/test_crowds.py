"""More connections than the broker may have files: it stays, and so do those who are inside."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest

from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.stdio import Stdio

FILES = 1024
CROWD = 2_000
FEW_FILES = ("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh")


@pytest.fixture
def tcp(home: Home) -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address: tuple[str, int] = free.getsockname()
    home.environ["LOFI_BROKER_TCP"] = f"tcp://{address[0]}:{address[1]}"
    return address


@pytest.fixture
def narrow(home: Home, tcp: tuple[str, int]) -> Iterator[Stdio]:
    """A broker that can't have more than 1,024 files."""
    with Stdio(home.environ, wrapper=FEW_FILES) as broker:
        broker.call("status")
        yield broker


def crowd(stack: ExitStack, address: str | tuple[str, int]) -> int:
    """Connect 2,000 times and say nothing; how many local ones found somebody who listens."""
    connected = 0
    for _ in range(CROWD):
        peer = stack.enter_context(
            socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        )
        peer.setblocking(isinstance(address, str))  # a local one waits while too many knock at once
        with suppress(OSError):
            peer.connect(address)
            connected += 1
    return connected


def files(broker: Stdio) -> int:
    return psutil.Process(broker.process.pid).num_fds()


def make_track(client: RawClient, prompt: str) -> None:
    track_id = client.call("generate", prompt=prompt, duration_sec=5)["track_id"]
    patience = time.monotonic() + 20
    while client.call("track_get", track_id=track_id)["status"] != "complete":
        assert time.monotonic() < patience


@pytest.mark.parametrize("name", ["clients", "workers"])
def test_a_crowd_of_local_connections(narrow: Stdio, home: Home, name: str) -> None:
    endpoint = home.paths.socket("clients")
    with RawClient(endpoint) as early, ExitStack() as stack:
        make_track(early, "before")
        connected = crowd(stack, home.paths.socket(name).removeprefix("ipc://"))
        print(f"{connected} of {CROWD} connected; the broker has {files(narrow)} files")
        assert connected < FILES and files(narrow) < FILES
        make_track(early, "who is inside notices nothing")
        stack.close()
        with RawClient(endpoint) as late:
            make_track(late, "there is room again")
    assert not list(home.paths.runtime.glob("*.full"))


def test_strangers_over_tcp_take_no_room_from_local_clients(
    narrow: Stdio, home: Home, tcp: tuple[str, int]
) -> None:
    with ExitStack() as stack:
        crowd(stack, tcp)
        with RawClient(home.paths.socket("clients")) as local:
            make_track(local, "beside the crowd")
        print(f"the broker has {files(narrow)} files")
        assert files(narrow) < FILES // 2
    patience = time.monotonic() + 20
    while True:  # there is room again
        with suppress(OSError), socket.create_connection(tcp, 1.0) as peer:
            peer.settimeout(5.0)
            if peer.recv(1) == b"\xff":  # the greeting of ZeroMQ
                return
        assert time.monotonic() < patience


def test_the_silent_are_shown_out(home: Home) -> None:
    """Nobody has to close anything: who does not shake hands is not kept."""
    quick = hooked(home.root / "hook", "import lofi_broker.sockets as s; s._HANDSHAKE_MS = 1_000")
    with ExitStack() as stack, Stdio({**home.environ, **quick}, wrapper=FEW_FILES) as narrow:
        narrow.call("status")
        crowd(stack, home.paths.socket("clients").removeprefix("ipc://"))
        with RawClient(home.paths.socket("clients")) as late:
            make_track(late, "after the silent")


def test_a_door_that_was_shut_when_its_broker_was_killed_is_open_at_the_next_start(home: Home) -> None:
    with ExitStack() as stack, Stdio(home.environ, wrapper=FEW_FILES) as broker:
        broker.call("status")
        crowd(stack, home.paths.socket("clients").removeprefix("ipc://"))
        assert list(home.paths.runtime.glob("*.full"))
        broker.process.kill()
        broker.process.wait()
    with Stdio(home.environ) as broker, RawClient(home.paths.socket("clients")) as client:
        assert client.call("status")["broker"]["pid"] == broker.process.pid
        assert not list(home.paths.runtime.glob("*.full"))
