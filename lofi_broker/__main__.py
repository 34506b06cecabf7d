"""`lofi-broker`: run the broker in the foreground, with `--stdio` as an editor's JSON-RPC server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import zmq

import lofi_common
from lofi_broker.app import CLIENTS, Broker
from lofi_broker.doors import raise_file_limit
from lofi_broker.lock import BrokerLock
from lofi_broker.relay import OtherProtocol, Relay
from lofi_broker.stdio import StdioFront
from lofi_common.broker_file import BrokerFile, read_broker_file, write_broker_file
from lofi_common.config import Config, ConfigError, load_config
from lofi_common.errors import BrokerUnavailable, LofiError
from lofi_common.logs import logging_to
from lofi_common.paths import Paths, find_paths

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_BROKER = 3

_VERSION = f"lofi {lofi_common.__version__}, protocol {lofi_common.PROTOCOL}"

_LOCK_SEC = 15.0
_LOCK_PAUSE_SEC = 0.02
_OTHERS_SEC = 0.25
"""How often a broker without its editor looks whether others still use it."""


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.drain and not arguments.stdio:
        parser.error("--drain goes with --stdio")
    sys.exit(_main(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lofi-broker",
        description="Owns the queue and the track library. Without --stdio it serves ZeroMQ clients"
        " and leaves when nobody has needed it for a while.",
    )
    parser.add_argument("--stdio", action="store_true", help="speak JSON-RPC 2.0, a message a line, on stdio")
    parser.add_argument(
        "--drain", action="store_true", help="with --stdio: after end of file, finish what was asked for"
    )
    parser.add_argument("--config", type=Path, help="settings file instead of the usual config.toml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one setting"
    )
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=_VERSION)
    return parser


def _main(arguments: argparse.Namespace) -> int:
    # Everything of the broker's own is private; copies that users ask for are made as they would make them.
    arguments.output_mode = 0o666 & ~os.umask(0o077)
    # C libraries print to descriptor 1; the stream of answers moves away from there.
    stdout = os.dup(1)
    os.dup2(2, 1)
    for descriptor in (0, stdout, 2):  # an editor may hand over pipes that do not block: threads wait here
        os.set_blocking(descriptor, True)
    try:
        paths = find_paths(os.environ)
        if arguments.config is not None and not arguments.config.is_file():
            raise ConfigError(f"there is no settings file {arguments.config}")
        config = load_config(arguments.config or paths.config_file, os.environ, arguments.set)
        paths.make()
    except LofiError as error:
        return _told(arguments, error, EXIT_USAGE)
    try:
        return asyncio.run(_serve(arguments, config, paths, stdout))
    except BrokerUnavailable as error:
        return _told(arguments, error, EXIT_NO_BROKER)
    except OtherProtocol as error:
        return _told(arguments, error, EXIT_USAGE)
    except LofiError as error:
        return _told(arguments, error, EXIT_FAILED)
    except (OSError, zmq.ZMQError) as error:
        return _told(arguments, LofiError(str(error)), EXIT_FAILED)


def _told(arguments: argparse.Namespace, error: LofiError, code: int) -> int:
    words = f"lofi-broker: {error}\n{error.recovery}\n"
    if arguments.ready_fd is not None:  # its starter waits, and stderr may be a file on a full disk
        os.write(arguments.ready_fd, words.encode())
    with contextlib.suppress(OSError):
        os.write(2, words.encode())
    return code


async def _serve(arguments: argparse.Namespace, config: Config, paths: Paths, stdout: int) -> int:
    """Be the broker, or a relay to the one that runs; wait for one that is just starting or leaving."""
    lock = BrokerLock(paths.broker_lock)
    deadline = time.monotonic() + _LOCK_SEC
    while time.monotonic() < deadline:
        if lock.acquire():
            return await _own(arguments, config, paths, stdout)
        found = read_broker_file(paths.broker_file)
        if found is not None and arguments.stdio:
            lock.close()
            return await _relay(arguments, config, found.endpoint, stdout)
        if found is not None:
            print("lofi-broker: a broker is running already", file=sys.stderr)
            return EXIT_OK
        await asyncio.sleep(_LOCK_PAUSE_SEC)
    raise BrokerUnavailable(f"a broker holds {paths.broker_lock}, but does not say where it listens")


async def _own(arguments: argparse.Namespace, config: Config, paths: Paths, stdout: int) -> int:
    """Be the broker. With --stdio it lives as long as its editor, or longer while others use it."""
    paths.broker_file.unlink(missing_ok=True)  # left by a crash
    background = arguments.ready_fd is not None
    with logging_to(config.broker.log_level, paths.logs / "broker.log", stderr=not background):
        raise_file_limit()
        broker = Broker(config, paths, arguments.output_mode)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, broker.leave, number.name)
        front = StdioFront(broker.call, 0, stdout) if arguments.stdio else None
        if front is not None:
            broker.listen(front.notify)
        broker.prepare()
        _say_ready(arguments, paths)
        session = None

        def leaving() -> None:
            paths.broker_file.unlink(missing_ok=True)
            if front is not None:
                front.leave()

        if front is not None:
            session = asyncio.create_task(_session(broker, front, drain=arguments.drain))
        try:
            await broker.run(idle_exit=front is None, on_leaving=leaving)
        finally:
            if session is not None and front is not None:
                session.cancel()
                await front.close()
    return EXIT_OK


def _say_ready(arguments: argparse.Namespace, paths: Paths) -> None:
    here = BrokerFile(
        pid=os.getpid(),
        protocol=lofi_common.PROTOCOL,
        version=lofi_common.__version__,
        endpoint=paths.socket(CLIENTS),
    )
    write_broker_file(paths.broker_file, here)
    if arguments.ready_fd is not None:
        os.write(arguments.ready_fd, b"ready\n")
        os.close(arguments.ready_fd)
        arguments.ready_fd = None


async def _session(broker: Broker, front: StdioFront, *, drain: bool) -> None:
    await front.serve(drain=drain)
    while broker.needs.by_others():
        await asyncio.sleep(_OTHERS_SEC)
    broker.leave("end of file on stdin")


async def _relay(arguments: argparse.Namespace, config: Config, endpoint: str, stdout: int) -> int:
    """Be a front end of the broker that runs, until it leaves in order.

    Raises BrokerUnavailable when it goes without a word, OtherProtocol.
    """
    with logging_to(config.broker.log_level, None, stderr=True):
        relay = Relay(endpoint)
        front = StdioFront(relay.call, 0, stdout)
        lost = asyncio.create_task(relay.run(front.notify))
        session = asyncio.create_task(_greet_and_serve(relay, front, drain=arguments.drain))
        try:
            await asyncio.wait({lost, session}, return_when=asyncio.FIRST_COMPLETED)
            if session.done():
                session.result()
                return EXIT_OK
            await asyncio.sleep(0)  # the requests that were waiting get their error before the stream closes
            if (reason := lost.result()) is None:
                raise BrokerUnavailable("the running broker left")
            with contextlib.suppress(OSError):
                os.write(2, f"lofi-broker: the running broker left: {reason}\n".encode())
            return EXIT_OK
        finally:
            for task in (lost, session):
                task.cancel()
            await front.close()
            relay.close()


async def _greet_and_serve(relay: Relay, front: StdioFront, *, drain: bool) -> None:
    await relay.greet()
    await front.serve(drain=drain)


if __name__ == "__main__":
    main()
