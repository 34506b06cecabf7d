"""Lines in, calls out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lofi_broker.jsonrpc import MAX_LINE_BYTES, Bad, Call, LineSplitter, parse


@given(st.binary(max_size=300), st.lists(st.integers(1, 20)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    splitter, lines, start = LineSplitter(), [], 0
    for cut in cuts:
        lines += splitter.feed(data[start : start + cut])
        start += cut
    lines += splitter.feed(data[start:] + b"\n")
    assert lines == (data + b"\n").split(b"\n")[:-1]


def test_a_line_of_exactly_the_limit_passes_and_one_more_is_skipped() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x" * MAX_LINE_BYTES + b"\n") == [b"x" * MAX_LINE_BYTES]
    assert splitter.feed(b"x" * (MAX_LINE_BYTES + 1) + b"\nnext\n") == [None, b"next"]
    assert splitter.feed(b"x" * MAX_LINE_BYTES) == []
    assert splitter.feed(b"x") == []
    assert splitter.feed(b"still\nnext\n") == [None, b"next"]


def test_an_over_long_line_is_not_kept_in_memory() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        splitter.feed(b"x" * MAX_LINE_BYTES)
    assert len(splitter._rest) <= MAX_LINE_BYTES


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_line_gives_calls_or_errors(line: bytes) -> None:
    calls, _ = parse(line)
    assert calls and all(isinstance(call, Call | Bad) for call in calls)


def test_a_request_and_a_notification() -> None:
    line = b'{"jsonrpc":"2.0","id":"x","method":"m","params":{"a":1}}'
    assert parse(line) == ([Call("m", {"a": 1}, "x")], False)
    line = b'[{"jsonrpc":"2.0","method":"m"}]'
    assert parse(line) == ([Call("m", {}, None, notification=True)], True)
