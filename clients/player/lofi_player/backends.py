"""Sound systems and their devices, by miniaudio."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from lofi_common.errors import AudioDeviceError
from lofi_player.sound import CHANNELS

_PERIOD_MS = 20
_PERIODS = 5
"""With three, a sound server ran dry several times as often while other processes kept all cores busy."""
_LAST_WORDS = 20_000
_LAST_LINES = 20


class Listed(NamedTuple):
    """A device; id: miniaudio's own."""

    name: str
    default: bool
    id: Any


def open_device(sample_rate: int, *, null: bool, name: str | None = None) -> Any:
    """The device of this name, or the default one, of the first sound system that has any.

    miniaudio itself would fall back on its null device, and nobody would learn why nothing is heard.
    Raises AudioDeviceError.
    """
    import miniaudio

    tried = []
    with told_by_libraries() as words:
        for backend in _backends(null):
            id = None
            if name is not None:
                found = {each.name: each.id for each in listed(backend)}
                if not found:
                    continue
                if (id := found.get(name)) is None:
                    raise AudioDeviceError(
                        f"there is no sound device {name!r}; there are: {', '.join(sorted(found))}"
                    )
            try:
                return miniaudio.PlaybackDevice(
                    output_format=miniaudio.SampleFormat.FLOAT32,
                    nchannels=CHANNELS,
                    sample_rate=sample_rate,
                    buffersize_msec=_PERIOD_MS,
                    callback_periods=_PERIODS,
                    device_id=id,
                    backends=[backend],
                    app_name="lofi",
                )
            except miniaudio.MiniaudioError as error:
                tried.append(f"{backend.name}: {error}")
    details = "\n".join([*tried, *words])
    raise AudioDeviceError("no sound device can be opened", details=details)


def close_device(device: Any) -> None:
    """And its connection to the sound system, which miniaudio's Python binding would keep."""
    import miniaudio

    context = device._context
    device.close()
    miniaudio.lib.ma_context_uninit(context)


def is_lost(device: Any) -> bool:
    """Whether it has stopped by itself."""
    import miniaudio

    return not miniaudio.lib.ma_device_is_started(device._device)


def listed(backend: Any) -> list[Listed]:
    """The devices of a sound system, none where it is not there. miniaudio's own list leaves out which is the
    default one."""
    import miniaudio

    ffi, lib = miniaudio.ffi, miniaudio.lib
    try:
        found = miniaudio.Devices([backend])
    except miniaudio.MiniaudioError:
        return []
    infos, number = ffi.new("ma_device_info**"), ffi.new("ma_uint32*")
    if lib.ma_context_get_devices(found._context, infos, number, ffi.NULL, ffi.NULL) != lib.MA_SUCCESS:
        return []
    devices = [infos[0][index] for index in range(number[0])]
    names = told_apart([ffi.string(each.name).decode(errors="replace") for each in devices])
    return [
        Listed(name=name, default=bool(each.isDefault), id=ffi.new("ma_device_id *", each.id))
        for name, each in zip(names, devices, strict=True)
    ]


def told_apart(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that others have, too: two headsets of one make are called alike,
    and devices are chosen by their names."""
    told: list[str] = []
    for name in names:
        others = (f"{name} ({number})" for number in count(2))
        free = name if name not in told else next(other for other in others if other not in {*told, *names})
        told.append(free)
    return told


def _backends(null: bool) -> list[Any]:
    """Sound systems that this platform may have, in miniaudio's order, or the one without a device."""
    import miniaudio

    if null:
        return [miniaudio.Backend.NULL]
    none = (miniaudio.Backend.NULL, miniaudio.Backend.CUSTOM)
    enabled = miniaudio.get_enabled_backends()
    return [backend for backend in miniaudio.Backend if backend in enabled and backend not in none]


@contextmanager
def told_by_libraries() -> Iterator[list[str]]:
    """What sound libraries print to descriptor 2 within the block: lines, after it, and nowhere else."""
    words: list[str] = []
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield words
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            file.seek(0)
            words += file.read(_LAST_WORDS).decode(errors="replace").splitlines()[:_LAST_LINES]
