"""ID3v2.4 tags: what an MP3 file tells of itself, in any script. libsndfile writes Latin-1 only."""

from __future__ import annotations

import struct

_UTF8 = b"\x03"
_HEADER = struct.Struct(">3sBBB4s")
_FRAME = struct.Struct(">4s4sH")


def tag(title: str, comment: str) -> bytes:
    """A tag to stand before the audio (id3.org, "ID3 tag version 2.4.0 - Main Structure", section 3)."""
    title_frame = _frame(b"TIT2", _UTF8 + title.encode())
    # A comment has a language and a short description of its own.
    comment_frame = _frame(b"COMM", _UTF8 + b"eng" + b"\0" + comment.encode())
    frames = title_frame + comment_frame
    return _HEADER.pack(b"ID3", 4, 0, 0, _size(len(frames))) + frames


def _frame(name: bytes, body: bytes) -> bytes:
    return _FRAME.pack(name, _size(len(body)), 0) + body


def _size(count: int) -> bytes:
    """28 bits, seven to a byte, so that no size looks like the start of a frame of audio."""
    return bytes(count >> shift & 0x7F for shift in (21, 14, 7, 0))
