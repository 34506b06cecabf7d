"""`lofi-broker`: run the broker in the foreground, with `--stdio` as an editor's JSON-RPC server."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import lofi_common
from lofi_broker.app import CLIENTS, Broker
from lofi_broker.lock import BrokerLock
from lofi_broker.relay import Relay
from lofi_broker.stdio import StdioFront
from lofi_common.broker_file import BrokerFile, read_broker_file, write_broker_file
from lofi_common.config import Config, load_config
from lofi_common.errors import BrokerUnavailable, LofiError
from lofi_common.logs import set_up_logs
from lofi_common.paths import Paths, find_paths

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_NO_BROKER = 3

_ENDPOINT_TRIES = 250
_ENDPOINT_PAUSE_SEC = 0.02


def main() -> None:
    sys.exit(_main(_parser().parse_args()))


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
    parser.add_argument("--version", action="version", version=f"lofi {lofi_common.__version__}")
    return parser


def _main(arguments: argparse.Namespace) -> int:
    # Everything of the broker's own is private; copies that users ask for are made as they would make them.
    arguments.output_mode = 0o666 & ~os.umask(0o077)
    # C libraries print to descriptor 1; the stream of answers moves away from there.
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        paths = find_paths(os.environ)
        config = load_config(arguments.config or paths.config_file, os.environ, arguments.set)
        paths.make()
        set_up_logs(config.broker.log_level, paths.logs / "broker.log")
        return asyncio.run(_serve(arguments, config, paths, stdout))
    except BrokerUnavailable as error:
        print(f"lofi-broker: {error}", file=sys.stderr)
        return EXIT_NO_BROKER
    except LofiError as error:
        print(f"lofi-broker: {error}\n{error.recovery}", file=sys.stderr)
        return EXIT_USAGE


async def _serve(arguments: argparse.Namespace, config: Config, paths: Paths, stdout: int) -> int:
    lock = BrokerLock(paths.broker_lock)
    if lock.acquire():
        return await _own(arguments, config, paths, stdout)
    lock.release()
    if arguments.stdio:
        return await _relay(arguments, paths, stdout)
    print("lofi-broker: a broker is running already", file=sys.stderr)
    return EXIT_OK


async def _own(arguments: argparse.Namespace, config: Config, paths: Paths, stdout: int) -> int:
    """Be the broker. With --stdio it lives as long as its editor, or longer while others use it."""
    broker = Broker(config, paths, arguments.output_mode)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, broker.leave, number.name)
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
    try:
        if not arguments.stdio:
            await broker.run(idle_exit=True)
            return EXIT_OK
        front = StdioFront(broker.call, 0, stdout)
        broker.listen(front.notify)
        session = asyncio.create_task(_session(broker, front, drain=arguments.drain))
        await broker.run(idle_exit=False)
        session.cancel()
        await front.close()
        return EXIT_OK
    finally:
        paths.broker_file.unlink(missing_ok=True)


async def _session(broker: Broker, front: StdioFront, *, drain: bool) -> None:
    await front.serve(drain=drain)
    if broker.has_other_clients():
        broker.leave_when_idle()
    else:
        broker.leave("end of file on stdin")


async def _relay(arguments: argparse.Namespace, paths: Paths, stdout: int) -> int:
    """Be a front end of the broker that runs. Leaves with EXIT_NO_BROKER when that broker does."""
    relay = Relay(await _endpoint(paths))
    front = StdioFront(relay.call, 0, stdout)
    lost = asyncio.create_task(relay.run(front.notify))
    session = asyncio.create_task(_greet_and_serve(relay, front, drain=arguments.drain))
    try:
        await asyncio.wait({lost, session}, return_when=asyncio.FIRST_COMPLETED)
        if session.done():
            session.result()
            return EXIT_OK
        await asyncio.sleep(0)  # the requests that were waiting get their error before the stream closes
        raise BrokerUnavailable("the running broker left")
    finally:
        for task in (lost, session):
            task.cancel()
        await front.close()
        relay.close()


async def _greet_and_serve(relay: Relay, front: StdioFront, *, drain: bool) -> None:
    await relay.greet()
    await front.serve(drain=drain)


async def _endpoint(paths: Paths) -> str:
    """Where the running broker listens; it may just be starting."""
    for _ in range(_ENDPOINT_TRIES):
        found = read_broker_file(paths.broker_file)
        if found is not None:
            return found.endpoint
        await asyncio.sleep(_ENDPOINT_PAUSE_SEC)
    raise BrokerUnavailable(f"a broker holds {paths.broker_lock}, but does not say where it listens")


if __name__ == "__main__":
    main()
