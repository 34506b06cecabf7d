"""The playback on the desktop's session bus (MPRIS 2.2), so that media keys and panels move it.

Nothing depends on it: where there is no bus, or it breaks, the log says so and the music goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from lofi_common import api
from lofi_common.api_playback import PlaybackStatus
from lofi_common.logs import fields

if TYPE_CHECKING:
    from lofi_broker.mpris_interfaces import PlayerInterface

log = logging.getLogger(__name__)

Call = Callable[[str, dict[str, object]], Awaitable[dict[str, object]]]

_NAME = "org.mpris.MediaPlayer2.lofi"
_CONNECT_SEC = 5.0
_JUMP_SEC = 1.0
"""A position so far from where it was to be expected was jumped to."""


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """What a panel shows."""

    status: PlaybackStatus
    prompt: str = ""
    number: int = 0
    """Tells a track that is played once more from the time before."""


def session_bus(environ: Mapping[str, str]) -> str | None:
    """Its address; None where there is none. No bus is started."""
    if sys.platform != "linux":
        return None
    if address := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    runtime = environ.get("XDG_RUNTIME_DIR")
    return f"unix:path={runtime}/bus" if runtime and os.path.exists(f"{runtime}/bus") else None


class Mpris:
    """On the bus from `appear` to `leave`."""

    def __init__(self, call: Call, playing: Callable[[], Playing]) -> None:
        """call: a request of a client, as if it came over a socket. playing: what plays now."""
        self._call = call
        self._playing = playing
        self._task: asyncio.Task[None] | None = None
        self._player: PlayerInterface | None = None
        self._position = (0.0, 0.0)
        """Seconds in the track, and when that was."""
        self._broken = False
        """The log says so; the bus is asked for again all the same."""

    def appear(self) -> None:
        """Be there, unless it is already: with each track that begins, since a bus may come back."""
        address = session_bus(os.environ)
        if self._task is None and address is not None:
            self._task = asyncio.create_task(self._serve(address), name="mpris")

    async def leave(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _serve(self, address: str) -> None:
        level, reason = logging.INFO, "the session bus left"
        try:
            await self._on_bus(address)
        except Exception as error:  # whatever a bus does is its own affair
            level, reason = logging.WARNING, f"{type(error).__name__}: {error}"
        finally:
            self._player = None
            if self._task is asyncio.current_task():
                self._task = None
        if not self._broken:
            log.log(level, fields("mpris_ended", reason=reason))
        self._broken = True

    async def _on_bus(self, address: str) -> None:
        from dbus_fast import NameFlag, RequestNameReply
        from dbus_fast.aio import MessageBus

        from lofi_broker.mpris_interfaces import PATH, PlayerInterface, RootInterface

        bus = MessageBus(bus_address=address, auth_timeout=_CONNECT_SEC)
        async with asyncio.timeout(_CONNECT_SEC):
            await bus.connect()
        try:
            player = PlayerInterface(self._call, self._playing)
            bus.export(PATH, RootInterface())
            bus.export(PATH, player)
            name = _NAME
            if await bus.request_name(name, NameFlag.DO_NOT_QUEUE) is RequestNameReply.EXISTS:
                name = f"{_NAME}.instance{os.getpid()}"
                await bus.request_name(name, NameFlag.DO_NOT_QUEUE)
            log.info(fields("mpris_started", name=name))
            self._player, self._broken = player, False
            self._move()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        finally:
            bus.disconnect()

    def told(self, method: str, params: api.Result) -> None:
        """A notification about the playback."""
        if self._player is None:
            return
        self._player.look_again()
        if method == "playback_position":
            place, known_at = self._position
            expected = place + time.monotonic() - known_at
            self._move()
            if abs(self._position[0] - expected) > _JUMP_SEC:
                self._player.tell_seeked(self._position[0])
        else:
            self._move()

    def look_again(self) -> None:
        """Something was set that no notification tells of."""
        if self._player is not None:
            self._player.look_again()

    def _move(self) -> None:
        self._position = self._playing().status.position_sec, time.monotonic()
