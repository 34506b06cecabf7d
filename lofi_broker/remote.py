"""The optional TCP front for clients on other machines: CurveZMQ, and only keys of the allow-list.

It has a ZeroMQ context of its own, so that its gatekeeper (ZAP, ZeroMQ RFC 27) never meets local clients.
"""

from __future__ import annotations

import asyncio
import logging

import zmq
import zmq.asyncio
from zmq.utils import z85

from lofi_broker.client_link import ClientLink, Handler
from lofi_broker.doors import REMOTE
from lofi_broker.sockets import listen_at, router
from lofi_broker.tcp_entry import TcpEntry
from lofi_common.errors import InvalidParams
from lofi_common.installs import LocalFolder, parse_source
from lofi_common.keys import secret_key
from lofi_common.logs import fields
from lofi_common.paths import Paths

log = logging.getLogger(__name__)

REMOTE_CLIENTS = "remote"
"""The local socket behind the TCP port."""

_ZAP = "inproc://zeromq.zap.01"
_HEARTBEAT_MS = 10_000
_DEAD_MS = 30_000


class RemoteFront:
    """Listens on `endpoint` (`tcp://address:port`) and passes requests of listed clients on."""

    def __init__(self, endpoint: str, paths: Paths) -> None:
        """Raises LofiError when the keys can't be used or nobody can listen there."""
        self._keys = paths.keys
        self._keys.make()
        secret = secret_key(self._keys.broker, lambda: z85.decode(zmq.curve_keypair()[1]))
        inside = paths.socket(REMOTE_CLIENTS)
        self._entry = TcpEntry(endpoint, inside.removeprefix("ipc://"), REMOTE.connections())
        self._broken: set[str] = set()
        """What the log has told already of files that hold no key."""
        self._context = zmq.asyncio.Context()
        self._gate = self._context.socket(zmq.REP)
        self._gate.bind(_ZAP)
        socket = router(self._context)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _DEAD_MS)
        listen_at(socket, inside, REMOTE)
        log.info(
            fields(
                "tcp_listening", endpoint=endpoint, key=z85.decode(zmq.curve_public(z85.encode(secret))).hex()
            )
        )
        self.link = ClientLink(socket)

    async def guard(self) -> None:
        """Let clients in by their keys until cancelled."""
        await self._entry.open()
        while True:
            version, request, _, _, _, mechanism, *credentials = await self._gate.recv_multipart()
            name = self._keys.name_of(credentials[0]) if mechanism == b"CURVE" else None
            if name is None:
                self._tell_broken()
            event = "client_refused" if name is None else "client_let_in"
            key = credentials[0].hex() if credentials else ""
            log.info(fields(event, name=name, key=key))
            status = [b"400", b"this key is not allowed"] if name is None else [b"200", b"OK"]
            await self._gate.send_multipart([version, request, *status, b"", b""])

    def _tell_broken(self) -> None:
        """Somebody was refused: perhaps for a file of the allow-list that holds no key."""
        for reason in self._keys.broken():
            if reason not in self._broken:
                self._broken.add(reason)
                log.warning(fields("key_file_ignored", folder=self._keys.allowed, reason=reason))

    async def listen(self, handler: Handler) -> None:
        async def checked(method: str, params: dict[str, object]) -> dict[str, object]:
            check_from_afar(method, params)
            return await handler(method, params)

        await self.link.listen(checked)

    async def close(self, reason: str | None) -> None:
        await self.link.close(reason)
        self._gate.close()
        await asyncio.to_thread(self._context.term)  # it waits until the last answers are through the entry
        await self._entry.close()


def check_from_afar(method: str, params: dict[str, object]) -> None:
    """A client elsewhere is trusted with the queue and the library, not with this machine's other files.

    Raises InvalidParams.
    """
    if method == "generate" and params.get("output") is not None:
        raise InvalidParams(
            "output: a client of another machine can't name a file of this one",
            recovery="Leave it (-o) out; copy the file from the broker's machine: `lofi tracks` names it.",
        )
    if method == "track_import":
        raise InvalidParams(
            "path: a client of another machine can't name a file of this one",
            recovery="Import it on the broker's machine.",
        )
    source = params.get("model")
    if method == "model_download" and isinstance(source, str):
        _check_source(source)


def _check_source(source: str) -> None:
    if isinstance(parse_source(source), LocalFolder):
        raise InvalidParams("model: a client of another machine can't name a folder of this one")
