"""What an editor may send by mistake, beyond single bad lines: halves, mixtures, batches, wrong types."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys

import msgspec
import pytest

from lofi_common import api
from tests.support.home import Home
from tests.support.peers import rss_mb
from tests.support.stdio import Stdio

GOOD = b'{"jsonrpc":"2.0","id":"good","method":"queue_status"}'
EMPTY = {"current": None, "pending": []}


@pytest.mark.parametrize(
    "line",
    [
        GOOD + GOOD,
        GOOD + b"]",
        GOOD[:-1],
        GOOD.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"good", b"\xff\xfe"),
        GOOD.replace(b"good", b"\\ud800"),
        GOOD.replace(b'"good"', b"1" * 5000),
        GOOD.replace(b'"good"', b"1e999"),
        GOOD.replace(b"good", b"a\x00b"),
        b"\x00" * 1000,
        b"Content-Length: 53\r",
    ],
)
def test_a_line_that_is_not_one_request(standing_broker: Stdio, line: bytes) -> None:
    standing_broker.send_raw(line + b"\n")
    answer = standing_broker.take()
    assert isinstance(answer, dict) and (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert standing_broker.call("queue_status") == EMPTY


def test_binary_between_the_halves_of_a_request(standing_broker: Stdio) -> None:
    for half, noise in ((20, b"\xde\xad\xbe\xef"), (30, bytes(range(128, 256))), (40, b"\n\n{")):
        standing_broker.send_raw(GOOD[:half] + noise + GOOD[half:] + b"\n" + GOOD + b"\n")
        seen = []
        while not seen or "result" not in seen[-1]:
            answer = standing_broker.take()
            assert isinstance(answer, dict)
            seen.append(answer)
        assert seen[-1]["result"] == EMPTY
        assert {answer["error"]["code"] for answer in seen[:-1]} == {-32700}


@pytest.mark.parametrize("rest", [GOOD[:25], b"\xff" * 100, b"x" * (3 << 20)])
def test_half_a_request_before_the_end_is_told(broker: Stdio, rest: bytes) -> None:
    broker.send_raw(GOOD + b"\n" + rest)
    assert broker.close() == 0
    answers = [message for message in broker.drain() if "id" in message]
    assert [(a["id"], a.get("error", {}).get("code")) for a in answers] == [("good", None), (None, -32700)]


def test_requests_of_every_size_up_to_the_limit(standing_broker: Stdio) -> None:
    for size in (1_001, 65_536, 65_537, (1 << 20) - 200):
        error = standing_broker.error("generate", prompt="x" * size)
        assert error["data"]["error_code"] in ("INVALID_PROMPT", "INVALID_PARAMS")


def test_a_batch_has_a_limit(standing_broker: Stdio) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "queue_status"}
    standing_broker.send([call] * 50)
    answers = standing_broker.take()
    assert isinstance(answers, list) and len(answers) == 50
    for batch in ([call] * 51, [1] * 300_000):
        standing_broker.send(batch)
        answer = standing_broker.take()
        assert isinstance(answer, dict) and answer["error"]["code"] == -32600
        assert f"{len(batch)} requests" in answer["error"]["message"]


def test_every_param_of_every_method_is_named_when_its_type_is_wrong(standing_broker: Stdio) -> None:
    fine: dict[str, object] = dict.fromkeys(("client", "prompt", "track_id", "model", "path", "name"), "x")
    fine |= {"protocol": 1, "volume": 0.5, "position_sec": 1.0, "sec": 1.0, "index": 0, "mode": "off"}
    fine["track_ids"] = ["x"]
    for method, kinds in api.METHODS.items():
        known = msgspec.structs.fields(kinds.params)
        required = {field.name: fine[field.name] for field in known if field.required}
        for field in known:
            for wrong in ([[]], {"a": 1}, {"$ref": "#"}):
                error = standing_broker.error(method, **{**required, field.name: wrong})
                assert error["code"] in (-32602, -32005) and field.name in error["message"], (method, error)
        error = standing_broker.error(method, **required, no_such_param=1)
        assert error["code"] == -32602 and "no_such_param" in error["message"]


def test_deep_params_are_refused(standing_broker: Stdio) -> None:
    for deep in (b"[" * 900 + b"]" * 900, b"[" * 300_000, b'{"a":' * 900 + b"1" + b"}" * 900):
        standing_broker.send_raw(
            b'{"jsonrpc":"2.0","id":1,"method":"generate","params":{"prompt":' + deep + b"}}\n"
        )
        answer = standing_broker.take()
        assert isinstance(answer, dict) and answer["error"]["code"] in (-32700, -32602)
    assert standing_broker.call("queue_status") == EMPTY


def test_an_editor_that_never_reads_does_not_grow_the_broker(home: Home) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_broker", "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **home.environ},
    )
    assert process.stdin is not None and process.stdout is not None
    line = b'{"jsonrpc":"2.0","id":1,"method":"%s"}\n' % (b"m" * 1_000)
    process.stdin.write(line)
    process.stdin.flush()
    answer = process.stdout.readline()
    before = rss_mb(process.pid)
    os.set_blocking(process.stdin.fileno(), False)
    sent = 0
    # Until the broker takes no more.
    while sent < 40_000_000 and select.select([], [process.stdin], [], 1.0)[1]:
        sent += os.write(process.stdin.fileno(), line * 3)
    grown = rss_mb(process.pid) - before
    print(f"taken {sent / 1e6:.1f} MB, {len(answer)} bytes each answer: grew by {grown:.1f} MB")
    assert sent < 20_000_000
    assert grown < 25
    process.kill()
    process.wait()
    process.stdout.close()
    os.set_blocking(process.stdin.fileno(), True)
    process.stdin.close()


def test_answers_are_whole_lines_though_many_come_at_once(standing_broker: Stdio) -> None:
    for number in range(2000):
        standing_broker.send_raw(
            json.dumps({"jsonrpc": "2.0", "id": number, "method": "status"}).encode() + b"\n"
        )
    assert sorted(standing_broker.answer(number)["id"] for number in range(2000)) == list(range(2000))
