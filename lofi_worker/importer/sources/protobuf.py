"""The wire format of Protocol Buffers, read in place.

onnx's own reader copies a file of 1.7 GB twice before anything in it can be checked; this one gives views of
the mapped file and takes no memory for what it passes over. Source: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator

from lofi_worker.importer.sources.refused import BadCheckpoint

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field, in the file's order: a varint as int, all others as their bytes.

    Raises BadCheckpoint where the bytes are no message.
    """
    at, size = 0, len(message)
    while at < size:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise BadCheckpoint("a field has the number 0: the file is damaged")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in FIXED_SIZES:
            length = FIXED_SIZES[kind]
        else:
            raise BadCheckpoint(f"field {number} has the unknown wire type {kind}: the file is damaged")
        if length > size - at:
            raise BadCheckpoint(f"field {number} is longer than its message: the file is cut off or damaged")
        yield number, message[at : at + length]
        at += length


def varints(packed: int | memoryview) -> list[int]:
    """The numbers of a repeated field: a single one, or all of a packed field."""
    if isinstance(packed, int):
        return [packed]
    numbers, at = [], 0
    while at < len(packed):
        number, at = _varint(packed, at)
        numbers.append(number)
    return numbers


def text(value: int | memoryview) -> str:
    """A string field. Raises BadCheckpoint when it is none."""
    try:
        return bytes(message(value)).decode()
    except UnicodeDecodeError as error:
        raise BadCheckpoint("a name is not UTF-8: the file is damaged") from error


def message(value: int | memoryview) -> memoryview:
    """A field of bytes. Raises BadCheckpoint when it is a number."""
    if isinstance(value, int):
        raise BadCheckpoint("a number stands where bytes belong: the file is damaged")
    return value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at `at`, at most 64 bits, and the place behind it."""
    number = shift = 0
    while shift < 70 and at < len(data):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (2**64 - 1), at
        shift += 7
    raise BadCheckpoint("a number has no end: the file is cut off or damaged")
