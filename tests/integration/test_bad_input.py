"""Whatever comes down the line, each request gets exactly one clear answer and the stream goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.stdio import Stdio

MIB = 1 << 20


def ask(broker: Stdio, line: bytes) -> Any:
    """The answer to one raw line, and proof that the stream goes on behind it."""
    broker.send_raw(line + b"\n")
    answer = broker.take()
    assert broker.call("queue_status") == {"current": None, "pending": []}
    return answer


@pytest.mark.parametrize(
    ("params", "code", "name", "words"),
    [
        ({"prompt": ""}, -32006, "INVALID_PROMPT", "empty"),
        ({"prompt": " \n\t "}, -32006, "INVALID_PROMPT", "empty"),
        ({"prompt": "x" * 1001}, -32006, "INVALID_PROMPT", "1001 characters"),
        ({"prompt": 7}, -32602, "INVALID_PARAMS", "$.prompt"),
        ({}, -32602, "INVALID_PARAMS", "prompt"),
        ({"prompt": "x", "duration_sec": 4}, -32005, "INVALID_DURATION", "5 to 120"),
        ({"prompt": "x", "duration_sec": 121}, -32005, "INVALID_DURATION", "5 to 120"),
        ({"prompt": "x", "duration_sec": 7.5}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "duration_sec": "10"}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "duration_sec": None}, -32005, "INVALID_DURATION", "whole number"),
        ({"prompt": "x", "tempo": 80}, -32602, "INVALID_PARAMS", "`tempo`"),
        ({"prompt": "x", "seed": -1}, -32602, "INVALID_PARAMS", "$.seed"),
        ({"prompt": "x", "seed": 2**64}, -32602, "INVALID_PARAMS", "$.seed"),
        ({"prompt": "x", "seed": "1"}, -32602, "INVALID_PARAMS", "$.seed"),
        ({"prompt": "x", "priority": "urgent"}, -32602, "INVALID_PARAMS", "$.priority"),
        ({"prompt": "x", "format": "aiff"}, -32602, "INVALID_PARAMS", "$.format"),
        ({"prompt": "x", "temperature": -0.1}, -32602, "INVALID_PARAMS", "$.temperature"),
        ({"prompt": "x", "top_k": 65}, -32602, "INVALID_PARAMS", "$.top_k"),
        ({"prompt": "x", "top_p": 1.5}, -32602, "INVALID_PARAMS", "$.top_p"),
        ({"prompt": "x", "model": "musicgen-huge"}, -32000, "MODEL_NOT_FOUND", "musicgen-huge"),
        ({"prompt": "x", "output": "relative.wav"}, -32010, "CACHE_WRITE_ERROR", "absolute"),
        ({"prompt": "x", "output": "/nowhere/x.wav"}, -32010, "CACHE_WRITE_ERROR", "does not exist"),
        ({"prompt": "x", "output": "/dev/null/x.wav"}, -32010, "CACHE_WRITE_ERROR", "does not exist"),
    ],
)
def test_bad_generate_params(broker: Stdio, params: Any, code: int, name: str, words: str) -> None:
    error = broker.error("generate", **params)
    assert (error["code"], error["data"]["error_code"]) == (code, name)
    assert words in error["message"] and error["data"]["recovery"]
    assert broker.call("queue_status") == {"current": None, "pending": []}


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
def test_bad_lines(broker: Stdio, line: bytes, code: int) -> None:
    answer = ask(broker, line)
    assert answer["error"]["code"] == code
    sent_id = 1 if b'"id":1' in line and code != -32700 else None
    assert answer["id"] == sent_id


def test_a_line_of_3_mib_is_skipped_and_answered(broker: Stdio) -> None:
    answer = ask(broker, b'{"jsonrpc":"2.0","id":1,"x":"' + b"y" * 3 * MIB + b'"}')
    assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert "over the limit" in answer["error"]["message"]


def test_ids_come_back_as_they_were(broker: Stdio) -> None:
    for request_id in ("seven", 7, 7.5, -1, "", None, 2**53):
        broker.send({"jsonrpc": "2.0", "id": request_id, "method": "queue_status"})
        answer = broker.take()
        assert isinstance(answer, dict) and answer["id"] == request_id and "result" in answer


def test_a_batch_is_answered_as_a_batch_and_notifications_never(broker: Stdio) -> None:
    call = {"jsonrpc": "2.0", "method": "queue_status"}
    broker.send([{**call, "id": 1}, call, 5, {**call, "id": 2, "method": "nope"}])
    answers = broker.take()
    assert isinstance(answers, list)
    assert [(a["id"], a.get("error", {}).get("code")) for a in answers] == [
        (1, None),
        (None, -32600),
        (2, -32601),
    ]
    broker.send([call, call])
    broker.send({**call, "method": "nope"})
    broker.send({**call, "id": 9})
    answer = broker.take()
    assert isinstance(answer, dict) and answer["id"] == 9


def test_blank_lines_and_a_last_line_without_newline(broker: Stdio) -> None:
    broker.send_raw(b"\n  \r\n")
    broker.send_raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "queue_status"}).encode())
    assert broker.close() == 0
    answers = [message for message in broker.drain() if "id" in message]
    assert [answer["id"] for answer in answers] == [1]


def test_a_request_in_many_pieces(broker: Stdio) -> None:
    for byte in b'{"jsonrpc":"2.0","id":1,"method":"queue_status"}\n':
        broker.send_raw(bytes([byte]))
    assert "result" in broker.answer(1)
