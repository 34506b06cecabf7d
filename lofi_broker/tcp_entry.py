"""Where connections from other machines come in: so many, and their bytes are passed on as they are."""

from __future__ import annotations

import asyncio
import logging
import socket

from lofi_common.errors import LofiError
from lofi_common.logs import fields

log = logging.getLogger(__name__)

_BACKLOG = 64
_CHUNK = 1 << 16
_GOODBYE_SEC = 1.0


class TcpEntry:
    """Listens on TCP and passes each connection on to a local socket; one too many is closed at once.

    ZeroMQ would accept them all, and cuts those that it has when it is told to stop listening.
    """

    def __init__(self, endpoint: str, inside: str, most: int) -> None:
        """Raises LofiError when nobody can listen on `endpoint` (`tcp://address:port`).

        inside: the path of the local socket. most: connections at one time.
        """
        self._inside = inside
        self._most = most
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        try:
            self._listening = _listen(endpoint)
        except OSError as error:
            raise LofiError(
                f"broker.tcp: can't listen on {endpoint}: {error}",
                recovery='Give tcp://address:port, an address of this machine and a free port, or "".',
            ) from error

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, sock=self._listening, backlog=_BACKLOG)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        address = writer.get_extra_info("peername")
        if task is None or len(self._connections) >= self._most:
            log.info(fields("tcp_connection_refused", address=address, most=self._most))
            writer.transport.abort()
            return
        self._connections.add(task)
        log.info(fields("tcp_connection", address=address))
        try:
            await self._pass_on(reader, writer)
        except OSError as error:
            log.info(fields("tcp_connection_lost", address=address, reason=error))
        finally:
            await _close(writer)
            self._connections.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side has closed."""
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._inside)
        ways = [
            asyncio.create_task(_copy(reader, inner_writer)),
            asyncio.create_task(_copy(inner_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _close(inner_writer)

    async def close(self) -> None:
        """Wait a little until what was said is through; the local socket is closed already."""
        if self._server is not None:
            self._server.close()
        self._listening.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=_GOODBYE_SEC)
            for connection in late:
                connection.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _listen(endpoint: str) -> socket.socket:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            "0.0.0.0" if host == "*" else host, int(port), type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OverflowError, UnicodeError) as error:
        raise OSError(str(error)) from error


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Write what waits, unless the other side does not take it."""
    writer.close()
    try:
        async with asyncio.timeout(_GOODBYE_SEC):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()
