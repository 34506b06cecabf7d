"""The same samples give the same file, whenever they are encoded."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from lofi_common.jobs import AudioFormat
from lofi_worker import ogg, spool

RATE = 32_000
NOISE = (np.random.default_rng(0).standard_normal((RATE, 1)) * 3000).astype(np.int16)


def crc(page: bytes) -> int:
    """The checksum of RFC 3533, bit by bit, of a page whose own field is zero."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = ((register << 1) ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFF_FFFF
    return register


def pages(data: bytes) -> list[bytes]:
    found = []
    while data:
        header = 27 + data[26]
        size = header + sum(data[27:header])
        found.append(data[:size])
        data = data[size:]
    return found


@pytest.mark.parametrize("kind", list(AudioFormat))
def test_the_same_samples_give_the_same_bytes(kind: AudioFormat) -> None:
    first, again = (spool.encode(NOISE, RATE, kind) for _ in range(2))
    assert first == again
    assert spool.encode(NOISE[::-1], RATE, kind) != first


def test_an_ogg_file_under_another_serial_number_is_whole() -> None:
    data = spool.encode(NOISE, RATE, AudioFormat.OGG)
    changed = ogg.with_serial(data, 0x89ABCDEF)
    assert len(changed) == len(data) and len(pages(changed)) > 2
    for page in pages(changed):
        assert page[:4] == b"OggS" and page[14:18] == bytes.fromhex("efcdab89")
        assert int.from_bytes(page[22:26], "little") == crc(page[:22] + bytes(4) + page[26:])
    (before, _), (after, _) = (soundfile.read(io.BytesIO(each)) for each in (data, changed))
    assert np.array_equal(before, after)
