"""Ogg files that are the same to the byte whenever they are made: the encoder draws their serial numbers."""

from __future__ import annotations

import struct

# RFC 3533, section 6: the polynomial of the pages' CRC; no reflection, no initial value.
_POLYNOMIAL = 0x04C11DB7
_MASK = 0xFFFF_FFFF

# In a page's header: its serial number, its CRC, and at the end how many segments it has.
_SERIAL = 14
_CRC = 22
_HEADER_BYTES = 27
_UINT32 = struct.Struct("<I")


def with_serial(data: bytes, serial: int) -> bytes:
    """The same stream under another serial number (32 bits), each page's CRC with it."""
    stream = bytearray(data)
    page = 0
    while page < len(stream):
        segments = stream[page + _HEADER_BYTES - 1]
        header = _HEADER_BYTES + segments
        end = page + header + sum(stream[page + _HEADER_BYTES : page + header])
        (old,) = _UINT32.unpack_from(stream, page + _SERIAL)
        (crc,) = _UINT32.unpack_from(stream, page + _CRC)
        _UINT32.pack_into(stream, page + _SERIAL, serial)
        following = end - page - _SERIAL - _UINT32.size
        _UINT32.pack_into(stream, page + _CRC, crc ^ _change(old ^ serial, following))
        page = end
    return bytes(stream)


def _change(difference: int, following: int) -> int:
    """What 32 bits, little-endian, with `following` bytes after them change in a CRC: it is linear, so the
    rest of the page need not be read."""
    bits = int.from_bytes(difference.to_bytes(4, "little"), "big")
    return _times(bits, _power_of_x(8 * following + 32))


def _times(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo the CRC's."""
    product = 0
    for bit in range(31, -1, -1):
        product = (product << 1) ^ (_POLYNOMIAL if product >> 31 else 0)
        product = (product ^ (a if b >> bit & 1 else 0)) & _MASK
    return product


def _power_of_x(exponent: int) -> int:
    power, square = 1, 2
    while exponent:
        if exponent & 1:
            power = _times(power, square)
        square = _times(square, square)
        exponent >>= 1
    return power
