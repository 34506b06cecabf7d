"""The two interfaces that MPRIS asks for: https://specifications.freedesktop.org/mpris-spec/2.2/.

Loaded only where there is a session bus. Without `from __future__ import annotations`: dbus-fast reads the
signatures from the annotations, and None as a string is none that it knows.
"""

from collections.abc import Callable
from typing import Annotated, Any

from dbus_fast import DBusError, ErrorType, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusDict,
    DBusDouble,
    DBusInt64,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from lofi_broker.mpris import Call, Playing
from lofi_common.errors import LofiError

PATH = "/org/mpris/MediaPlayer2"
_NO_TRACK = "/org/mpris/MediaPlayer2/TrackList/NoTrack"
_STATES = {"stopped": "Stopped", "waiting": "Playing", "playing": "Playing", "paused": "Paused"}
_LOOPS = {"off": "None", "track": "Track", "list": "Playlist"}
_READ = PropertyAccess.READ
_MICRO = 1_000_000

Strings = Annotated[list[str], DBusSignature("as")]


class RootInterface(ServiceInterface):
    """A player without a window, which nobody but its broker starts and ends."""

    def __init__(self) -> None:
        super().__init__("org.mpris.MediaPlayer2")

    @dbus_method("Raise")
    def raise_(self) -> None:
        """There is nothing to raise, as CanRaise says."""

    @dbus_method("Quit")
    def quit_(self) -> None:
        """It is not for others to end, as CanQuit says."""

    @dbus_property(_READ, "CanQuit")
    def can_quit(self) -> DBusBool:
        return False

    @dbus_property(_READ, "CanRaise")
    def can_raise(self) -> DBusBool:
        return False

    @dbus_property(_READ, "HasTrackList")
    def has_track_list(self) -> DBusBool:
        return False

    @dbus_property(_READ, "Identity")
    def identity(self) -> DBusStr:
        return "lofi"

    @dbus_property(_READ, "SupportedUriSchemes")
    def schemes(self) -> Strings:
        return []

    @dbus_property(_READ, "SupportedMimeTypes")
    def mime_types(self) -> Strings:
        return []


class PlayerInterface(ServiceInterface):
    """Requests of the protocol under the names of MPRIS; times are in microseconds."""

    def __init__(self, call: Call, playing: Callable[[], Playing]) -> None:
        super().__init__("org.mpris.MediaPlayer2.Player")
        self._call = call
        self._playing = playing
        self._shown = self._changing()

    def look_again(self) -> None:
        """Tell what has changed since it was told last."""
        now = self._changing()
        changed = {name: value for name, value in now.items() if value != self._shown[name]}
        self._shown = now
        if changed:
            self.emit_properties_changed(changed)

    def tell_seeked(self, position_sec: float) -> None:
        self._seeked(round(position_sec * _MICRO))

    def _changing(self) -> dict[str, Any]:
        status = self._playing().status
        return {
            "PlaybackStatus": _STATES[status.state],
            "LoopStatus": _LOOPS[status.loop],
            "Metadata": self._metadata(),
            "Volume": status.volume,
        }

    def _metadata(self) -> dict[str, Variant]:
        playing = self._playing()
        track_id = playing.status.track_id
        if track_id is None:
            return {"mpris:trackid": Variant("o", _NO_TRACK)}
        # A D-Bus string has no NUL, and a panel no use for line ends.
        title = "".join(char if char.isprintable() else " " for char in playing.prompt)
        return {
            "mpris:trackid": Variant("o", f"/lofi/track/{track_id}/{playing.number}"),
            "mpris:length": Variant("x", round(playing.status.duration_sec * _MICRO)),
            "xesam:title": Variant("s", title),
            "xesam:artist": Variant("as", ["lofi"]),
        }

    async def _ask(self, method: str, **params: object) -> None:
        try:
            await self._call(method, params)
        except LofiError as error:
            raise DBusError(ErrorType.FAILED, str(error)) from error

    @dbus_method("Next")
    async def next_(self) -> None:
        await self._ask("skip")

    @dbus_method("Previous")
    async def previous(self) -> None:
        await self._ask("previous")

    @dbus_method("Pause")
    async def pause(self) -> None:
        await self._ask("pause")

    @dbus_method("PlayPause")
    async def play_pause(self) -> None:
        await self._ask("toggle")

    @dbus_method("Stop")
    async def stop(self) -> None:
        await self._ask("stop")

    @dbus_method("Play")
    async def play(self) -> None:
        await self._ask("play")

    @dbus_method("Seek")
    async def seek(self, offset: DBusInt64) -> None:
        place = self._playing().status.position_sec + offset / _MICRO
        await self._ask("seek", position_sec=max(0.0, place))

    @dbus_method("SetPosition")
    async def set_position(self, track_id: DBusObjectPath, position: DBusInt64) -> None:
        """Of another track than the one that plays, or outside of it: nothing happens."""
        now = self._metadata()
        if track_id == now["mpris:trackid"].value and 0 <= position <= now["mpris:length"].value:
            await self._ask("seek", position_sec=position / _MICRO)

    @dbus_method("OpenUri")
    def open_uri(self, uri: DBusStr) -> None:
        raise DBusError(ErrorType.NOT_SUPPORTED, "lofi plays the tracks of its own library")

    @dbus_signal("Seeked")
    def _seeked(self, position: int) -> DBusInt64:
        return position

    @dbus_property(_READ, "PlaybackStatus")
    def playback_status(self) -> DBusStr:
        return str(self._changing()["PlaybackStatus"])

    @dbus_property(name="LoopStatus")
    def loop_status(self) -> DBusStr:
        return str(self._changing()["LoopStatus"])

    @loop_status.setter  # type: ignore[no-redef]
    async def loop_status(self, mode: DBusStr) -> None:
        modes = {told: mode for mode, told in _LOOPS.items()}
        if mode not in modes:
            raise DBusError(ErrorType.INVALID_ARGS, f"LoopStatus is one of {', '.join(modes)}")
        await self._ask("loop_set", mode=modes[mode])

    @dbus_property(name="Volume")
    def volume(self) -> DBusDouble:
        return self._playing().status.volume

    @volume.setter  # type: ignore[no-redef]
    async def volume(self, level: DBusDouble) -> None:
        await self._ask("volume_set", volume=min(max(level, 0.0), 1.0))

    @dbus_property(name="Rate")
    def rate(self) -> DBusDouble:
        return 1.0

    @rate.setter  # type: ignore[no-redef]
    def rate(self, rate: DBusDouble) -> None:
        """It has one, as MinimumRate and MaximumRate say."""

    @dbus_property(_READ, "MinimumRate")
    def minimum_rate(self) -> DBusDouble:
        return 1.0

    @dbus_property(_READ, "MaximumRate")
    def maximum_rate(self) -> DBusDouble:
        return 1.0

    @dbus_property(_READ, "Metadata")
    def metadata(self) -> DBusDict:
        return self._metadata()

    @dbus_property(_READ, "Position")
    def position(self) -> DBusInt64:
        return round(self._playing().status.position_sec * _MICRO)

    @dbus_property(_READ, "CanGoNext")
    def can_go_next(self) -> DBusBool:
        return True

    @dbus_property(_READ, "CanGoPrevious")
    def can_go_previous(self) -> DBusBool:
        return True

    @dbus_property(_READ, "CanPlay")
    def can_play(self) -> DBusBool:
        return True

    @dbus_property(_READ, "CanPause")
    def can_pause(self) -> DBusBool:
        return True

    @dbus_property(_READ, "CanSeek")
    def can_seek(self) -> DBusBool:
        return True

    @dbus_property(_READ, "CanControl")
    def can_control(self) -> DBusBool:
        return True
