"""What a desktop sees and does on its session bus, with a real bus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_playback import make
from tests.support.home import Home
from tests.support.stdio import Stdio

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"
)

NAME = "org.mpris.MediaPlayer2.lofi"
PATH = "/org/mpris/MediaPlayer2"
PLAYER = "org.mpris.MediaPlayer2.Player"
WAIT_SEC = 20.0
ASK_AGAIN_SEC = 0.2


@pytest.fixture
def bus(short_tmp: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A session bus of its own, and its address."""
    address = f"unix:path={short_tmp}/bus"
    with session_bus(address) as process:
        yield process, address


@contextmanager
def session_bus(address: str) -> Iterator[subprocess.Popen[str]]:
    """Until then it runs."""
    command = ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            yield process
        finally:
            process.kill()


class Desktop:
    """A panel with media keys: the proxy of the player, and what it was told."""

    def __init__(self, player: Any, properties: Any, names: Any) -> None:
        self.player = player
        self.properties = properties
        self.names = names
        self.changed: list[dict[str, Any]] = []
        self.seeked: list[int] = []
        self._news = asyncio.Event()
        properties.on_properties_changed(self._take)
        player.on_seeked(self._take_seek)

    def _take(self, interface: str, changed: dict[str, Any], invalidated: list[str]) -> None:
        assert interface == PLAYER and not invalidated
        self.changed.append({name: variant.value for name, variant in changed.items()})
        self._news.set()

    def _take_seek(self, position: int) -> None:
        self.seeked.append(position)
        self._news.set()

    async def until(self, there: Callable[[], object]) -> None:
        while not there():
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), WAIT_SEC)

    async def told(self, name: str, value: object) -> None:
        """Until this property has been told to have this value, after all that was told before."""
        await self.until(lambda: [each[name] for each in self.changed if name in each][-1:] == [value])


async def named(bus: Any, name: str, there: bool = True) -> Any:
    """The bus itself, once somebody has the name, or nobody any more."""
    description = await bus.introspect("org.freedesktop.DBus", "/org/freedesktop/DBus")
    proxy = bus.get_proxy_object("org.freedesktop.DBus", "/org/freedesktop/DBus", description)
    names = proxy.get_interface("org.freedesktop.DBus")
    changed = asyncio.Event()
    names.on_name_owner_changed(lambda *change: changed.set())
    deadline = time.monotonic() + WAIT_SEC
    while await names.call_name_has_owner(name) is not there:
        assert time.monotonic() < deadline, f"{name} has an owner: {not there}"
        changed.clear()
        with contextlib.suppress(TimeoutError):  # the bus may have been asked before it was told to tell
            await asyncio.wait_for(changed.wait(), ASK_AGAIN_SEC)
    return names


def on_desktop(address: str, scene: Callable[[Desktop], Awaitable[None]]) -> None:
    async def run() -> None:
        from dbus_fast.aio import MessageBus

        bus = await MessageBus(bus_address=address).connect()
        try:
            names = await named(bus, NAME)
            proxy = bus.get_proxy_object(NAME, PATH, await bus.introspect(NAME, PATH))
            root = proxy.get_interface("org.mpris.MediaPlayer2")
            assert await root.get_identity() == "lofi" and not await root.get_can_raise()
            properties = proxy.get_interface("org.freedesktop.DBus.Properties")
            await scene(Desktop(proxy.get_interface(PLAYER), properties, names))
        finally:
            bus.disconnect()

    asyncio.run(run())


def shown(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: variant.value for name, variant in metadata.items()}


def test_media_keys_and_what_a_panel_shows(home: Home, bus: tuple[object, str]) -> None:
    _, address = bus
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": "null", "DBUS_SESSION_BUS_ADDRESS": address}) as broker:
        rain, sun = make(broker, "rain\n\0now", "sun")
        broker.call("play", track_ids=[rain, sun])
        seconds = 1_000_000

        async def scene(desktop: Desktop) -> None:
            player = desktop.player
            assert await player.get_playback_status() == "Playing"
            first = shown(await player.get_metadata())
            assert first["xesam:title"] == "rain  now" and first["xesam:artist"] == ["lofi"]
            assert first["mpris:length"] == 5 * seconds and rain in first["mpris:trackid"]
            await player.call_play_pause()
            await desktop.told("PlaybackStatus", "Paused")
            await player.call_set_position(first["mpris:trackid"], 2 * seconds)
            await desktop.until(lambda: desktop.seeked)
            assert desktop.seeked == [2 * seconds] and await player.get_position() == 2 * seconds
            await player.call_set_position("/lofi/track/another/1", 0)
            await player.call_seek(-seconds)
            await desktop.until(lambda: len(desktop.seeked) == 2)
            assert desktop.seeked[1] == seconds
            await player.call_play()
            await desktop.told("PlaybackStatus", "Playing")
            await player.set_volume(0.25)
            await desktop.told("Volume", 0.25)
            await player.set_loop_status("Playlist")
            await desktop.told("LoopStatus", "Playlist")
            await player.call_next()
            await desktop.until(lambda: "sun" in str(desktop.changed))
            await player.call_previous()
            await desktop.until(lambda: rain in str(desktop.changed[-1].get("Metadata")))
            assert shown(await player.get_metadata())["mpris:trackid"] != first["mpris:trackid"]
            await player.call_stop()
            await desktop.told("PlaybackStatus", "Stopped")
            assert "xesam:title" not in shown(await player.get_metadata())

        on_desktop(address, scene)
        status = broker.call("playback_status")
        assert (status["state"], status["volume"], status["loop"]) == ("stopped", 0.25, "list")


def test_what_a_key_asks_for_in_vain_is_answered(home: Home, bus: tuple[object, str]) -> None:
    from dbus_fast import DBusError

    _, address = bus
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": "null", "DBUS_SESSION_BUS_ADDRESS": address}) as broker:
        (rain,) = make(broker, "rain")
        broker.call("play", track_ids=[rain])

        async def scene(desktop: Desktop) -> None:
            with pytest.raises(DBusError, match="own library"):
                await desktop.player.call_open_uri("file:///etc/passwd")
            with pytest.raises(DBusError, match="None, Track, Playlist"):
                await desktop.player.set_loop_status("Shuffle")
            await desktop.player.call_stop()
            broker.call("cache_clear")
            with pytest.raises(DBusError, match="no tracks yet"):
                await desktop.player.call_play_pause()

        on_desktop(address, scene)


def test_two_players_have_two_names_and_leave_with_their_processes(
    home: Home, bus: tuple[object, str], short_tmp: Path
) -> None:
    _, address = bus
    environ = {"LOFI_PLAYER_DEVICE": "null", "DBUS_SESSION_BUS_ADDRESS": address}
    brief = {"LOFI_PLAYER_IDLE_UNLOAD_SEC": "0.1"}
    other_root = short_tmp / "other"
    other_root.mkdir()
    other = Home(other_root)
    with Stdio({**home.environ, **environ, **brief}) as first, Stdio({**other.environ, **environ}) as second:
        first.call("play", track_ids=make(first, "rain"))

        async def scene(desktop: Desktop) -> None:
            from dbus_fast.aio import MessageBus

            tracks = await asyncio.to_thread(make, second, "sun")
            await asyncio.to_thread(second.call, "play", track_ids=tracks)
            watcher = await MessageBus(bus_address=address).connect()
            await named(watcher, f"{NAME}.instance{second.process.pid}")
            await asyncio.to_thread(first.call, "stop")
            await named(watcher, NAME, there=False)
            watcher.disconnect()

        on_desktop(address, scene)
        assert second.call("playback_status")["state"] == "playing"


def test_a_bus_that_breaks_is_told_in_the_log_and_nowhere_else(
    home: Home, bus: tuple[subprocess.Popen[str], str]
) -> None:
    daemon, address = bus
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": "null", "DBUS_SESSION_BUS_ADDRESS": address}) as broker:
        (rain,) = make(broker, "rain")
        broker.call("play", track_ids=[rain])

        async def scene(desktop: Desktop) -> None:
            assert await desktop.player.get_playback_status() == "Playing"

        on_desktop(address, scene)
        daemon.kill()
        broker.wait("playback_position", count=2)
        assert broker.call("pause")["state"] == "paused"
        assert broker.close() == 0
    assert "mpris_ended" in broker.stderr.decode() and "Traceback" not in broker.stderr.decode()


def test_media_keys_come_back_with_a_bus_that_was_started_anew(
    home: Home, bus: tuple[subprocess.Popen[str], str]
) -> None:
    daemon, address = bus
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": "null", "DBUS_SESSION_BUS_ADDRESS": address}) as broker:
        (rain,) = make(broker, "rain")

        async def scene(desktop: Desktop) -> None:
            assert await desktop.player.get_playback_status() == "Playing"

        broker.call("play", track_ids=[rain])
        on_desktop(address, scene)
        daemon.kill()
        daemon.wait(10)
        Path(address.removeprefix("unix:path=")).unlink()
        for _ in range(3):
            broker.call("play", track_ids=[rain])
        with session_bus(address):
            broker.call("play", track_ids=[rain])
            on_desktop(address, scene)
            assert broker.close() == 0
    log = broker.stderr.decode()
    assert log.count("mpris_started") == 2 and log.count("mpris_ended") == 1 and "Traceback" not in log


@pytest.mark.parametrize("address", ["", "unix:path=/none", "unix:path=%zz;tcp:host=,port=x"])
def test_without_a_bus_the_music_plays(home: Home, address: str) -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_RUNTIME_DIR": os.devnull}
    with Stdio({**home.environ, "LOFI_PLAYER_DEVICE": "null", **environ}) as broker:
        (rain,) = make(broker, "rain")
        assert broker.call("play", track_ids=[rain])["state"] == "playing"
        broker.wait("playback_position")
        assert broker.close() == 0
    assert "Traceback" not in broker.stderr.decode() and not broker.notices("playback_ended")
