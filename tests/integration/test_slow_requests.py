"""Requests that take long, and an editor that goes before they are answered."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.test_lifecycle import raw_stdio
from tests.integration.test_playback import NULL, make
from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.stdio import Message, Stdio

HANGS = "import time, lofi_player.device_sink as s\ns.open_device = lambda *some, **more: time.sleep(60)"


@pytest.fixture
def hung(home: Home) -> Iterator[tuple[Stdio, Message]]:
    """A broker whose sound device hangs, for which it has 15 s of patience; and a request to play."""
    code = f"import sys\nif 'lofi_player' in sys.orig_argv: exec({HANGS!r})"
    with Stdio({**home.environ, **NULL, **hooked(home.root / "hook", code)}) as broker:
        params = {"track_ids": make(broker, "a")}
        yield broker, {"jsonrpc": "2.0", "id": "held", "method": "play", "params": params}


def test_end_of_file_does_not_wait_for_a_slow_request(hung: tuple[Stdio, Message]) -> None:
    broker, play = hung
    broker.send(play)
    broker.call("status")
    assert broker.close(5.0) == 0
    broker.drain()
    error = broker.answer("held")["error"]["data"]
    assert error["error_code"] == "BROKER_UNAVAILABLE" and "--drain" in error["recovery"]


def test_a_relay_does_not_wait_for_a_slow_request_either(hung: tuple[Stdio, Message], home: Home) -> None:
    process = raw_stdio(home, subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(hung[1]).encode() + b"\n")
    process.stdout.close()
    process.stdin.close()
    assert process.wait(5.0) == 0
