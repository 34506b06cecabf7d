"""Ogg files that are the same to the byte whenever they are made: the encoder draws their serial numbers."""

from __future__ import annotations

import os
import struct
from io import FileIO

# RFC 3533, section 6: the polynomial of the pages' CRC; no reflection, no initial value.
_POLYNOMIAL = 0x04C11DB7
_MASK = 0xFFFF_FFFF

# In a page's header: its serial number, its CRC, and at the end how many segments it has.
_SERIAL = 14
_CRC = 22
_HEADER_BYTES = 27
_UINT32 = struct.Struct("<I")


def set_serial(file: FileIO, serial: int) -> None:
    """Put the stream under another serial number (32 bits), each page's CRC with it.

    In place; of each page, its header alone is read. Raises OSError.
    """
    page, size = 0, file.seek(0, os.SEEK_END)
    while page < size:
        file.seek(page)
        header = bytearray(file.read(_HEADER_BYTES))
        segments = file.read(header[-1])
        length = _HEADER_BYTES + len(segments) + sum(segments)
        (old,) = _UINT32.unpack_from(header, _SERIAL)
        (crc,) = _UINT32.unpack_from(header, _CRC)
        _UINT32.pack_into(header, _SERIAL, serial)
        following = length - _SERIAL - _UINT32.size
        _UINT32.pack_into(header, _CRC, crc ^ _change(old ^ serial, following))
        file.seek(page)
        file.write(header)
        page += length


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
