"""Random bytes that look enough like the real thing to get past its first check.

Hypothesis builds a few, slowly; `damage` makes many of each. An input is bytes and what comes beside them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import msgpack
from hypothesis import strategies as st

from lofi_common import wire
from lofi_common.api import METHODS
from lofi_common.config import Config
from lofi_common.manifest import MANIFEST_NAME
from lofi_common.paths import starter_folder
from tests.support.home import MODEL_TOML
from tests.unit.messages import EXAMPLES

ROOT = Path(__file__).parents[2]

TOML_VALUES = (
    *("0", "1", "-1", "7", "2147483648", "18446744073709551616", "9" * 400, "0x10", "1_000"),
    *("0.0", "-0.5", "1.5", "1e308", "1e400", "nan", "inf", "-inf", "5e-324"),
    *("true", "false", "[]", "[1, 2, 3]", "[-1]", "{}", "{ a = 1 }", "1979-05-27", "07:32:00", "[nan]"),
    *('""', '"a"', '"fake"', '"debug"', '".."', '"."', '"a/b"', '"../x"', '"/etc"', r'"\u0000"', '"é\\n"'),
    *('"' + "x" * 300 + '"', "'''\n'''", "[" * 3000, "[" * 2000 + "]" * 2000, "", "=", '"'),
)
_NAMES = ("a", "..", ".", "a/b", "x" * 300, "\0", "é", "bytes", "sha256", "type", "")

_BYTES = b'\x00\n"[]{}=.,0919ef\\\x80\xc1\xc7\xdb\xdd\xdf\xff'
"""Those that mean something in one of the formats."""

_DIGITS, _LETTERS = b"0123456789", b"abcdefghijklmnopqrstuvwxyz"

small = st.integers(0, 2**16)


def damage(data: bytes, random: Random) -> bytes:
    """The same with one to three places where bytes are changed, dropped, put in or repeated."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(changed) + 1)
        match random.choice(("like", "like", "like", "like", "bit", "byte", "cut", "drop", "put", "repeat")):
            case "like" if at < len(changed) and chr(changed[at]).isalnum():
                changed[at] = random.choice(_DIGITS if chr(changed[at]).isdecimal() else _LETTERS)
            case "bit" if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case "byte" if at < len(changed):
                changed[at] = random.choice(_BYTES)
            case "cut":
                del changed[at:]
            case "drop":
                del changed[at : at + random.randrange(1, 9)]
            case "repeat":
                changed[at:at] = changed[at : at + 40] * random.randrange(1, 9)
            case _:
                changed[at:at] = random.randbytes(random.randrange(1, 9))
    return bytes(changed)


# JSON-RPC

_numbers = (
    st.integers() | st.floats() | st.sampled_from((2**53, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**400))
)
_leaves = (
    st.none() | st.booleans() | _numbers | st.text(max_size=20) | st.sampled_from(("rain", "normal", "wav"))
)
_params = sorted({name for each in METHODS.values() for name in each.params.__struct_fields__})
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_params) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=8,
)
_requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | _leaves,
        "id": _leaves,
        "method": st.sampled_from(tuple(METHODS)) | _leaves,
        "params": st.dictionaries(st.sampled_from(_params), _values, max_size=6) | _values,
    },
)
_good = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(tuple(METHODS))},
    optional={
        "id": st.integers(0, 9) | st.text(max_size=4),
        "params": st.sampled_from(({}, {"prompt": "rain"}, {"track_id": "a"})),
    },
)
_documents = st.sampled_from(
    (_good, _good, st.lists(_good, max_size=2), _requests, st.lists(_requests, max_size=4), _values)
).flatmap(lambda kind: kind)
_lines = _documents.map(lambda value: json.dumps(value).encode()) | st.one_of(
    st.binary(max_size=60),
    st.builds(lambda opening, times: opening * times, st.sampled_from((b"[", b'{"a":', b'"', b"\\")), small),
)
lines = st.tuples(_lines, st.none())
streams = st.tuples(
    st.lists(_lines.map(lambda line: line[:150]), max_size=6).map(b"\n".join),
    st.lists(st.integers(1, 90), max_size=8),
)
"""Bytes, and the sizes of the chunks in which they arrive."""

# msgpack

_keys = st.sampled_from(
    sorted({name for each in EXAMPLES for name in (*each.__struct_fields__, "type")})
) | st.text(max_size=6)
_tags = st.sampled_from(tuple(each.__struct_config__.tag for each in EXAMPLES))
_packable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=8)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=8,
)
_maps = st.builds(
    lambda tag, more: {"type": tag, **more}, _tags, st.dictionaries(_keys, _packable, max_size=6)
)
_heads = st.sampled_from(
    (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x91", b"\x81\xa1a")
)
_bodies = (
    st.sampled_from([wire.pack(each)[1] for each in EXAMPLES])
    | (_maps | _packable).map(msgpack.packb)
    | st.binary(max_size=60)
    | st.builds(lambda head, times: head * times, _heads, st.integers(1, 5000))
)
bodies = st.tuples(_bodies, st.none())

# TOML


@st.composite
def _toml(draw: st.DrawFn, *good: str) -> bytes:
    """A good file with other values, or with lines dropped, doubled, swapped or new."""
    lines = draw(st.sampled_from(good)).splitlines()
    for _ in range(draw(st.integers(0, 2))):
        at = draw(small) % (len(lines) or 1)
        key, equals, value = lines[at].partition("=") if lines else ("", "", "")
        match draw(st.sampled_from(("value", "value", "value", "drop", "double", "name", "new"))):
            case "value" if equals:
                value = draw(st.sampled_from(TOML_VALUES))
                lines[at] = f"{key}= {value}"
            case "name" if equals:
                lines[at] = f"{json.dumps(draw(st.sampled_from(_NAMES)))} ={value}"
            case "double":
                lines[at:at] = lines[at : at + draw(st.integers(1, 3))]
            case "new":
                name = json.dumps(draw(st.sampled_from(_NAMES)))
                opening = draw(st.sampled_from(("", "[", "[[", name)))
                lines.insert(at, f"{opening}{name} = {{ bytes = 1, sha256 = '' }}")
            case _:
                del lines[at : at + 1]
    return "\n".join(lines).encode()


_settings = tuple(
    f"{section}.{key}"
    for section, kind in ((name, type(getattr(Config(), name))) for name in Config.__struct_fields__)
    for key in kind.__struct_fields__
)
_texts = st.sampled_from(TOML_VALUES) | st.text(max_size=12)
flags = st.lists(
    st.builds(lambda name, value: f"{name}={value}", st.sampled_from(_settings), _texts)
    | st.text(max_size=20),
    max_size=2,
)
environs = st.dictionaries(
    st.sampled_from([f"LOFI_{name.replace('.', '_').upper()}" for name in _settings])
    | st.just("LOFI_QUEUE_"),
    _texts,
    max_size=2,
)
_config = re.sub(r" *#.*", "", (ROOT / "configs/default.toml").read_text())
configs = st.tuples(_toml(_config), st.tuples(environs, flags))
"""Beside the file, the environment and flags."""
manifests = st.tuples(_toml((starter_folder() / MANIFEST_NAME).read_text(), MODEL_TOML), st.none())
