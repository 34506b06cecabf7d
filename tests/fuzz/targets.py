"""What reads bytes from outside, under fuzzing: it takes them, or refuses them with its own error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from hypothesis.strategies import SearchStrategy

from lofi_broker import jsonrpc
from lofi_broker.memory import cache_bytes, memory_limit
from lofi_common import wire
from lofi_common.api import parse_params
from lofi_common.config import ConfigError, load_config
from lofi_common.errors import LofiError
from lofi_common.jobs import MAX_DURATION_SEC
from lofi_common.manifest import (
    MANIFEST_NAME,
    check_file,
    check_large_file,
    check_size,
    name_of,
    read_manifest,
)
from tests.fuzz import inputs

_LINE_BYTES = 100
"""A limit that short inputs reach."""


@dataclass(frozen=True)
class Target:
    name: str
    inputs: SearchStrategy[tuple[bytes, Any]]
    take: Callable[[bytes, Any], bool]
    """Whether the input was taken for good. Anything raised is a finding."""


def take_stream(data: bytes, sizes: list[int]) -> bool:
    """However the bytes arrive, the lines are those between newlines, and over-long ones are told."""
    *whole, _ = data.split(b"\n")
    splitter, lines = jsonrpc.LineSplitter(), list[bytes | None]()
    with mock.patch.object(jsonrpc, "MAX_LINE_BYTES", _LINE_BYTES):
        for size in sizes:
            lines += splitter.feed(data[:size])
            data = data[size:]
        lines += splitter.feed(data)
    assert lines == [line if len(line) <= _LINE_BYTES else None for line in whole]
    assert len(splitter._rest) <= _LINE_BYTES
    return None not in lines


def take_line(line: bytes, _: None) -> bool:
    """Each call of a line has an answer that can be sent, whatever its id, its method and its params."""
    calls, batch = jsonrpc.parse(line)
    assert calls and (batch or len(calls) == 1)
    return all([_answer(call) for call in calls])


def _answer(call: jsonrpc.Call | jsonrpc.Bad) -> bool:
    if isinstance(call, jsonrpc.Bad):
        good, answer = False, jsonrpc.error(call.id, call.error)
    else:
        try:
            parse_params(call.method, call.params)
            good, answer = True, jsonrpc.result(call.id, {})
        except LofiError as error:
            good, answer = False, jsonrpc.error(call.id, error.info())
    sent = jsonrpc.encode(answer)
    assert sent.count(b"\n") == 1 and msgspec.json.decode(sent)["id"] == call.id
    return good


def take_body(body: bytes, _: None) -> bool:
    """A message that can be read can be sent; and it is of one direction only."""
    taken = 0
    for unpack in (wire.unpack_worker, wire.unpack_broker, wire.unpack_request, wire.unpack_front):
        try:
            message = unpack([wire.MAGIC, body])
        except wire.WireError:
            continue
        taken += 1
        assert wire.unpack(wire.pack(message), type(message))
    assert taken <= 1
    return taken == 1


def take_config(data: bytes, beside: tuple[dict[str, str], list[str]]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_bytes(data)
        try:
            config = load_config(file, *beside)
        except ConfigError:
            return False
    # Numbers go to SQLite, which has 64 bits, and settings to a command line, which has no NUL.
    assert config.queue.keep_ended * 100 < 2**63 and "\0" not in config.model.folder
    return True


def take_manifest(data: bytes, _: None) -> bool:
    """A manifest that is accepted can be reckoned with, and its files can be looked for."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "model"
        folder.mkdir()
        (folder / MANIFEST_NAME).write_bytes(data)
        try:
            model = read_manifest(folder)
        except LofiError:
            return False
        manifest = model.manifest
        longest = manifest.longest_sec()
        assert longest is None or 0 <= longest <= MAX_DURATION_SEC
        assert 0 <= manifest.frames_expected(5) <= manifest.frames_expected(120)
        assert 0 < memory_limit(manifest, 1, 0, 2**34, 1) <= 2**34 and cache_bytes(manifest, 64) < 2**63
        assert name_of(model.version) == manifest.name
        for name in manifest.files:
            for check in (check_size, check_large_file, check_file):
                try:
                    check(model, name)
                except LofiError as error:
                    error.info()
    return True


TARGETS = (
    Target("streams", inputs.streams, take_stream),
    Target("lines", inputs.lines, take_line),
    Target("messages", inputs.bodies, take_body),
    Target("config", inputs.configs, take_config),
    Target("manifest", inputs.manifests, take_manifest),
)
