"""Named steps at which a broker or a worker dies by SIGKILL, put into them from outside.

Python imports this module at the start of every process that has this folder in PYTHONPATH. A process dies
when it passes the step that is written in its file in $CHAOS_ARMED, which it takes away first; so a step
kills once, whoever passes it. `steps.py` is the other side.
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

_ROLE = "worker" if "lofi_worker" in sys.orig_argv else "broker"
_ARMED = os.path.join(os.environ["CHAOS_ARMED"], _ROLE)
_HITS = os.path.join(os.environ["CHAOS_ARMED"], "hits")
_open, _read, _unlink = os.open, os.read, os.unlink

_passed: Counter[bytes] = Counter()


def _armed() -> bytes:
    """`step count`, or nothing."""
    try:
        file = _open(_ARMED, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return _read(file, 100)
    finally:
        os.close(file)


def _due(step: str) -> bool:
    """Whether the process has to die now: the armed step, passed as often as it is armed for."""
    order = _armed()
    if order.split(b" ")[0] != step.encode():
        return False
    _passed[order] += 1
    if _passed[order] < int(order.split(b" ")[1]):
        return False
    try:
        _unlink(_ARMED)
    except FileNotFoundError:  # somebody else took it, or it was called off
        return False
    return True


def _die(step: str) -> None:
    hits = _open(_HITS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(hits, f"{_ROLE} {step}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


def _at(step: str) -> None:
    if _due(step):
        _die(step)


def _around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def stepped(*arguments: Any, **named: Any) -> Any:
        _at(f"{name}.before")
        result = function(*arguments, **named)
        _at(f"{name}.after")
        return result

    return stepped


class _Connection(sqlite3.Connection):
    """Dies within a transaction, before its commit and after it."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        done = super().execute(sql, *arguments)
        if sql.lstrip().startswith("INSERT INTO job_events"):
            _at("save.inside")
        return done

    def __exit__(self, *error: Any) -> Any:
        _at("save.before")
        done = super().__exit__(*error)
        _at("save.after")
        return done


def _sending(function: Callable[..., Any], *types: int) -> Callable[..., Any]:
    """Dies before or after it has queued a message of the armed kind on a socket of these types."""

    @functools.wraps(function)
    def stepped(socket: Any, frames: Any, *arguments: Any, **named: Any) -> Any:
        if not _armed().startswith(b"send.") or socket.type not in types:
            return function(socket, frames, *arguments, **named)
        import msgpack

        kind = msgpack.unpackb(frames[-1])["type"]
        _at(f"send.{kind}.before")
        done = function(socket, frames, *arguments, **named)
        _at(f"send.{kind}.after")
        return done

    return stepped


def _opening(function: Callable[..., Any]) -> Callable[..., Any]:
    """Dies when half of a file is written."""

    @functools.wraps(function)
    def stepped(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        opened = function(file, mode, *arguments, **named)
        if mode in ("wb", "w+b"):
            write = opened.write

            def half(data: bytes) -> int:
                if _due("write.half"):
                    write(data[: len(data) // 2])
                    opened.flush()
                    _die("write.half")
                return int(write(data))

            opened.write = half
        return opened

    return stepped


def _spawning(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def stepped(*arguments: Any, **named: Any) -> Any:
        _at("spawn.before")
        child = await function(*arguments, **named)
        _at("spawn.after")
        return child

    return stepped


os.fsync = _around("fsync", os.fsync)
os.rename = _around("rename", os.rename)
os.replace = _around("rename", os.replace)
os.unlink = _around("unlink", os.unlink)
io.open = _opening(io.open)  # type: ignore[assignment]


class _WhenImported:
    """Changes `zmq` when the worker comes to import it: its way there, in which its broker may die, stays as
    short as it is."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "lofi_worker.link":
            import zmq

            zmq.Socket.send_multipart = _sending(  # type: ignore[method-assign]
                zmq.Socket.send_multipart, zmq.DEALER
            )


if _ROLE == "broker":
    import zmq.asyncio

    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Connection)  # type: ignore[assignment]
    asyncio.create_subprocess_exec = _spawning(asyncio.create_subprocess_exec)
    zmq.asyncio.Socket.send_multipart = _sending(  # type: ignore[method-assign]
        zmq.asyncio.Socket.send_multipart, zmq.ROUTER
    )
else:
    sys.meta_path.insert(0, _WhenImported())  # type: ignore[arg-type]
