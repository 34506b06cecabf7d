"""The audio format that a file's name asks for."""

from __future__ import annotations

import os

from lofi_common.errors import InvalidParams
from lofi_common.jobs import AudioFormat

_OTHER_FORMATS = ("aac", "aif", "aiff", "m4a", "opus", "wma")


def format_of(output: str) -> AudioFormat:
    """The format that the name of a file (or folder) asks for; WAV where it asks for none.

    Raises InvalidParams for the name of an audio format that is not made.
    """
    suffix = suffix_of(output)
    if suffix in _OTHER_FORMATS:
        raise InvalidParams(
            f"output: {suffix} is not made", recovery=f"Give a name that ends in {', '.join(AudioFormat)}."
        )
    return AudioFormat(suffix) if suffix in list(AudioFormat) else AudioFormat.WAV


def suffix_of(output: str) -> str:
    """What a file's name ends in, small and without the dot; empty for a folder."""
    return "" if os.path.isdir(output) else os.path.splitext(output)[1].removeprefix(".").lower()
