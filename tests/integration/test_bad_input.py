"""Whatever comes down the line, each request gets exactly one clear answer and the stream goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.standing import Standing
from tests.support.stdio import Stdio

MIB = 1 << 20


def ask(broker: Stdio, line: bytes) -> Any:
    """The answer to one raw line, and proof that the stream goes on behind it."""
    broker.send_raw(line + b"\n")
    answer = broker.take()
    assert broker.call("queue_status") == {"current": None, "pending": []}
    return answer


@pytest.fixture(params=["broker", "relay"])
def front(request: pytest.FixtureRequest, standing: Standing) -> Iterator[Stdio]:
    """The broker itself, or a relay to it: both answer alike."""
    yield standing.broker() if request.param == "broker" else standing.relay()
    standing.look()


@pytest.fixture(params=["broker", "relay"])
def closable(request: pytest.FixtureRequest, broker: Stdio, home: Home) -> Iterator[Stdio]:
    """The same, for one test."""
    if request.param == "broker":
        yield broker
        return
    broker.call("status")
    with Stdio(home.environ) as relay:
        yield relay


@pytest.mark.parametrize(
    ("params", "code", "name", "words"),
    [
        ({"prompt": ""}, -32006, "INVALID_PROMPT", "empty"),
        ({"prompt": " \n\t "}, -32006, "INVALID_PROMPT", "empty"),
        ({"prompt": "x" * 1001}, -32006, "INVALID_PROMPT", "1001 characters"),
        ({"prompt": 7}, -32602, "INVALID_PARAMS", "prompt: "),
        ({}, -32602, "INVALID_PARAMS", "prompt"),
        ({"prompt": "x", "duration_sec": 4}, -32005, "INVALID_DURATION", "5 to 3600"),
        ({"prompt": "x", "duration_sec": 121}, -32005, "INVALID_DURATION", "limit of 120 s"),
        ({"prompt": "x", "duration_sec": 7.5}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "duration_sec": "10"}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "duration_sec": None}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "tempo": 80}, -32602, "INVALID_PARAMS", "`tempo`"),
        ({"prompt": "x", "seed": -1}, -32602, "INVALID_PARAMS", "seed: "),
        ({"prompt": "x", "seed": 2**64}, -32602, "INVALID_PARAMS", ""),
        ({"prompt": "x", "seed": "1"}, -32602, "INVALID_PARAMS", "seed: "),
        ({"prompt": "x", "priority": "urgent"}, -32602, "INVALID_PARAMS", "priority: "),
        ({"prompt": "x", "format": "aiff"}, -32602, "INVALID_PARAMS", "format: "),
        ({"prompt": "x", "temperature": -0.1}, -32602, "INVALID_PARAMS", "temperature: "),
        ({"prompt": "x", "top_k": 65}, -32602, "INVALID_PARAMS", "top_k: "),
        ({"prompt": "x", "top_p": 1.5}, -32602, "INVALID_PARAMS", "top_p: "),
        ({"prompt": "x", "model": "musicgen-huge"}, -32000, "MODEL_NOT_FOUND", "musicgen-huge"),
        ({"prompt": "x", "output": "relative.wav"}, -32602, "INVALID_PARAMS", "absolute"),
        ({"prompt": "x", "output": "/nowhere/x.wav"}, -32010, "CACHE_WRITE_ERROR", "does not exist"),
        ({"prompt": "x", "output": "/dev/null/x.wav"}, -32010, "CACHE_WRITE_ERROR", "can't be written"),
        ({"prompt": "x", "output": "/dev/null"}, -32010, "CACHE_WRITE_ERROR", "neither a file nor a folder"),
        ({"prompt": "x", "output": "/tmp/a\0b.wav"}, -32602, "INVALID_PARAMS", "absolute"),
        ({"prompt": "x", "output": f"/tmp/{'n' * 300}.wav"}, -32010, "CACHE_WRITE_ERROR", "too long"),
        ({"prompt": "x", "output": "/tmp/no-such-folder/"}, -32010, "CACHE_WRITE_ERROR", "no such folder"),
        ({"prompt": "x", "seed": 2**70}, -32602, "INVALID_PARAMS", ""),
        ({"prompt": "x", "duration_sec": 10**40}, None, None, ""),
    ],
)
def test_bad_generate_params(
    front: Stdio, params: Any, code: int | None, name: str | None, words: str
) -> None:
    error = front.error("generate", **params)
    if code is not None:
        assert (error["code"], error["data"]["error_code"]) == (code, name)
    assert words in error["message"] and error["data"]["recovery"]
    assert front.call("queue_status") == {"current": None, "pending": []}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"status"', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"generate","params":{"prompt":"x","temperature":NaN}}', -32700),
        (b"\x00\x01\xfe\xff binary junk", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"generate","params":{"prompt":"\\ud800"}}', -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'"text"', -32600),
        (b'{"id":1,"method":"status"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"status"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":7}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":["a"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"verbose":true}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"make_coffee"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"__init__"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"client":"x","protocol":99}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"track_get","params":{"track_id":"../../etc"}}', -32009),
        (b'{"jsonrpc":"2.0","id":1,"method":"queue_cancel","params":{"track_id":"feed"}}', -32009),
    ],
)
def test_bad_lines(front: Stdio, line: bytes, code: int) -> None:
    answer = ask(front, line)
    assert answer["error"]["code"] == code
    sent_id = 1 if b'"id":1' in line and code != -32700 else None
    assert answer["id"] == sent_id


def test_a_line_of_3_mib_is_skipped_and_answered(front: Stdio) -> None:
    answer = ask(front, b'{"jsonrpc":"2.0","id":1,"x":"' + b"y" * 3 * MIB + b'"}')
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert "over the limit" in answer["error"]["message"]


def test_ids_come_back_as_they_were(front: Stdio) -> None:
    for request_id in ("seven", 7, 7.5, -1, "", None, 2**53):
        front.send({"jsonrpc": "2.0", "id": request_id, "method": "queue_status"})
        answer = front.take()
        assert isinstance(answer, dict) and answer["id"] == request_id and "result" in answer


def test_a_batch_is_answered_as_a_batch_and_notifications_never(front: Stdio) -> None:
    call = {"jsonrpc": "2.0", "method": "queue_status"}
    front.send([{**call, "id": 1}, call, 5, {**call, "id": 2, "method": "nope"}])
    answers = front.take()
    assert isinstance(answers, list)
    assert [(a["id"], a.get("error", {}).get("code")) for a in answers] == [
        (1, None),
        (None, -32600),
        (2, -32601),
    ]
    front.send([call, call])
    front.send({**call, "method": "nope"})
    front.send({**call, "id": 9})
    answer = front.take()
    assert isinstance(answer, dict) and answer["id"] == 9


def test_blank_lines_and_a_last_line_without_newline(closable: Stdio) -> None:
    closable.send_raw(b"\n  \r\n")
    closable.send_raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "queue_status"}).encode())
    assert closable.close() == 0
    answers = [message for message in closable.drain() if "id" in message]
    assert [answer["id"] for answer in answers] == [1]


def test_a_request_in_many_pieces(front: Stdio) -> None:
    for byte in b'{"jsonrpc":"2.0","id":1,"method":"queue_status"}\n':
        front.send_raw(bytes([byte]))
    assert "result" in front.answer(1)
