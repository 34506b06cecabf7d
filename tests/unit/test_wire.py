"""The bytes on the sockets: golden for each message, and all that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofi_common import messages, wire
from tests.unit.messages import EXAMPLES

GOLDEN = json.loads((Path(__file__).parent / "golden_messages.json").read_text())
KINDS = messages.WorkerMessage | messages.BrokerMessage | messages.Request | messages.FrontMessage


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_golden_bytes(number: int) -> None:
    """A change here is a change of the protocol: raise PROTOCOL and docs/protocol.md with it."""
    message = EXAMPLES[number]
    magic, body = wire.pack(message)
    assert magic == b"LOFI/1"
    assert body.hex() == GOLDEN[number]
    assert wire.unpack([magic, body], KINDS) == message


def test_every_message_has_an_example() -> None:
    assert {type(example) for example in EXAMPLES} == set(get_args(KINDS))


def unpack_worker(body: bytes) -> object:
    return wire.unpack_worker([wire.MAGIC, body])


GOOD = {"type": "heartbeat", "rss": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (msgpack.packb({**GOOD, "extra": 1}), "extra"),
        (msgpack.packb({"type": "heartbeat"}), "rss"),
        (msgpack.packb({"type": "heartbeat", "rss": "1"}), "rss"),
        (msgpack.packb({"type": "heartbeat", "rss": float("nan")}), "finite"),
        (msgpack.packb({"type": "run", "job_id": "a"}), "type"),
        (msgpack.packb([1, 2]), "object"),
        (msgpack.packb(GOOD) + b"\x00", "extra data"),
        (msgpack.packb(GOOD)[:-1], "malformed"),
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (b"\x82\xa4type\xa9heartbeat\xa4type\xa9heartbeat", "duplicate"),
        (b"\x81\x01\x02", "malformed"),
        (msgpack.packb({**GOOD, "x": msgpack.ExtType(5, b"x")}), "ext type 5"),
        (msgpack.packb({"type": "heartbeat", "rss": msgpack.Timestamp(1)}), "rss"),
        (msgpack.packb({"type": "heartbeat", "rss": [float("inf")]}), "finite"),
        (b"\xdd\xff\xff\xff\xff", "malformed"),
        (b"\xdf\xff\xff\xff\xff", "malformed"),
        (b"\xdb\xff\xff\xff\xff", "malformed"),
        (b"\x91" * 100_000, "malformed"),
        (b"\xc0" * (wire.MAX_BYTES + 1), "limit"),
    ],
)
def test_refused_bodies(body: bytes, words: str) -> None:
    with pytest.raises(wire.WireError, match=words):
        unpack_worker(body)


@pytest.mark.parametrize("frames", [[], [b"LOFI/1"], [b"LOFI/2", b"\x80"], [b"LOFI/1", b"\x80", b""]])
def test_refused_frames(frames: list[bytes]) -> None:
    with pytest.raises(wire.WireError, match="not a LOFI/1 message"):
        wire.unpack_worker(frames)


def test_a_message_over_the_limit_is_not_packed() -> None:
    with pytest.raises(wire.WireError, match="limit"):
        wire.pack(messages.Shutdown(reason="x" * wire.MAX_BYTES))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_wire_error(body: bytes) -> None:
    try:
        unpack_worker(body)
    except wire.WireError:
        return


@given(st.integers(0, 400), st.integers(0, 7))
def test_a_flipped_bit_never_gives_another_kind_of_exception(position: int, bit: int) -> None:
    body = bytearray(wire.pack(EXAMPLES[6])[1])
    body[position % len(body)] ^= 1 << bit
    try:
        unpack_worker(bytes(body))
    except wire.WireError:
        return
