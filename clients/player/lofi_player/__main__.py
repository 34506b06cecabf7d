"""`lofi-player`: started by the broker. Orders come on stdin, reports go to stdout, a JSON object a line."""

from __future__ import annotations

import argparse
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator

import msgspec

from lofi_common import player_messages as pm
from lofi_common.errors import LofiError
from lofi_common.logs import fields, logging_to
from lofi_player.opening import Opened, open_for
from lofi_player.player import Player
from lofi_player.sinks import open_sink

log = logging.getLogger(__name__)

EXIT_DEVICE_LOST = 3

_CHUNK = 1 << 16
_GRACE_SEC = 0.8
"""After the end of stdin: then this process ends, whatever its device does."""

_Ordered = tuple[pm.Order, Opened]
_Orders = queue.SimpleQueue[_Ordered | None]


def main() -> None:
    arguments = _parser().parse_args()
    os.umask(0o077)
    # C libraries print to descriptor 1; the stream of reports moves away from there.
    stdout = os.dup(1)
    os.dup2(2, 1)
    orders: _Orders = queue.SimpleQueue()
    with logging_to(arguments.log_level, None, stderr=True):
        player = Player(
            arguments.volume,
            lambda sample_rate, device: open_sink(arguments.device, sample_rate, device),
            lambda report: _say(stdout, report),
        )
        threading.Thread(target=_read, args=(orders,), name="stdin", daemon=True).start()
        try:
            _run(player, orders)
        except LofiError as error:
            print(error, file=sys.stderr)
            sys.exit(EXIT_DEVICE_LOST)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lofi-player", description="Started by the broker; leaves when its stdin is closed."
    )
    parser.add_argument(
        "--device", default="", help='"" = the default device, null, file:PATH, or paced-file:PATH'
    )
    parser.add_argument("--volume", type=float, required=True, help="0 to 1, to begin with")
    parser.add_argument("--log-level", default="info")
    return parser


def _run(player: Player, orders: _Orders) -> None:
    """Until the end of stdin. Raises AudioDeviceError when the device is lost."""
    wait: float | None = None
    while True:
        try:
            ordered = orders.get(timeout=wait) if wait != 0.0 else orders.get_nowait()
        except queue.Empty:
            wait = player.step()
            continue
        if ordered is None:
            player.leave()
            return
        player.obey(*ordered)
        wait = 0.0


def _read(orders: _Orders) -> None:
    """In a thread. Files are opened here, so that a slow disk does not silence what plays."""
    try:
        for line in _lines():
            order = pm.decode_order(line)
            orders.put((order, open_for(order)))
    except (msgspec.DecodeError, ValueError) as error:
        log.error(fields("order_misunderstood", reason=error))
    orders.put(None)
    time.sleep(_GRACE_SEC)
    os._exit(1)


def _lines() -> Iterator[bytes]:
    """Of stdin, which is read without Python's buffer: its lock would not let the process end meanwhile."""
    rest = b""
    while chunk := os.read(0, _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _say(stdout: int, report: pm.Report) -> None:
    try:
        os.write(stdout, pm.encode_line(report))
    except BrokenPipeError:  # the broker is gone, as the end of stdin tells as well
        log.debug(fields("report_unheard"))


if __name__ == "__main__":
    main()
