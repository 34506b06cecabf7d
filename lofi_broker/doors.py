"""How many connections a listening socket takes.

ZeroMQ knows no bound, and ends the process when there is no file descriptor left for the next one.
"""

from __future__ import annotations

import logging
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from lofi_common.logs import fields

log = logging.getLogger(__name__)

_FILES = 65_536
"""Open files that are asked for."""
_HEARD = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_MONITOR_STOPPED


class Share(NamedTuple):
    """A socket's part of the files that this process may open.

    What all of them leave is for its own files, and for what ZeroMQ accepts before that is heard of.
    """

    part: float
    most: int

    def connections(self) -> int:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return self.most if files == resource.RLIM_INFINITY else min(self.most, int(files * self.part))


CLIENTS = Share(3 / 8, 1024)
WORKERS = Share(1 / 8, 256)
REMOTE = Share(1 / 16, 64)
"""Each costs three files: one for its TCP connection, two inside."""


def raise_file_limit() -> None:
    """Ask for as many open files as this process may have, within reason; it can do with fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning(fields("file_limit_kept", files=soft, wanted=wanted, reason=error))


class Door:
    """Shuts when a socket has all the connections that it may have, and opens again below 7/8 of them.

    It counts in a thread: an event loop that is busy would hear of a burst too late.
    """

    def __init__(
        self,
        socket: zmq.asyncio.Socket,
        name: str,
        most: int,
        shut: Callable[[], None],
        reopen: Callable[[], None],
    ) -> None:
        """socket: not bound yet. `shut` and `reopen` are called in the thread; it ends with the socket."""
        self._name = name
        self._most = most
        self._act = {True: shut, False: reopen}
        self._is_shut = False
        self._taken: set[int] = set()
        address = f"inproc://door-{name}"
        socket.monitor(address, _HEARD)
        self._monitor: zmq.Socket[bytes] = zmq.Context.shadow(socket.context).socket(zmq.PAIR)
        self._monitor.connect(address)
        threading.Thread(target=self._watch, name=f"door-{name}", daemon=True).start()

    def _watch(self) -> None:
        with self._monitor:
            while True:
                try:
                    heard = parse_monitor_message(self._monitor.recv_multipart())
                except zmq.ContextTerminated:
                    return
                match heard["event"]:
                    case zmq.EVENT_ACCEPTED:
                        self._taken.add(heard["value"])
                    case zmq.EVENT_DISCONNECTED:
                        self._taken.discard(heard["value"])
                    case zmq.EVENT_MONITOR_STOPPED:
                        return
                self._consider()

    def _consider(self) -> None:
        limit = self._most * 7 // 8 if self._is_shut else self._most - 1
        full = len(self._taken) > limit
        if full == self._is_shut:
            return
        self._is_shut = full
        event = "connections_full" if full else "connections_free"
        log.warning(fields(event, socket=self._name, connections=len(self._taken), most=self._most))
        self._act[full]()


def door_of_file(socket: zmq.asyncio.Socket, path: Path, share: Share) -> Door:
    """The door of a socket that will listen at `path`.

    While it is shut, the file has another name: nobody finds it, and who is connected notices nothing.
    """
    aside = path.with_name(f"{path.name}.full")
    aside.unlink(missing_ok=True)  # of a broker that was killed then

    def rename(source: Path, target: Path) -> None:
        try:
            source.rename(target)
        except OSError as error:  # somebody else removed it
            log.error(fields("door_stuck", path=source, reason=error))

    return Door(
        socket, path.stem, share.connections(), lambda: rename(path, aside), lambda: rename(aside, path)
    )
