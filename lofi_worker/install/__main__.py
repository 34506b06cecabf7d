"""`python -m lofi_worker.install`: the installer that the broker and the command line start as a child."""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import get_args

# Read by huggingface_hub when it is imported: no telemetry, and no list of our libraries in its requests.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from lofi_common.catalogue import catalogue_folder
from lofi_common.errors import InternalError, LofiError
from lofi_common.installs import EXIT_FAILED, Failed
from lofi_common.logs import fields, logging_to
from lofi_common.messages import BrokerMessage
from lofi_worker.importer.precision import DEFAULT_PRECISION, Precision
from lofi_worker.install.lines import Lines
from lofi_worker.install.patience import PatienceSettings
from lofi_worker.install.steps import Installation, Order
from lofi_worker.orphan import follow_parent

log = logging.getLogger(__name__)

_CANCEL = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    arguments = _parser().parse_args()
    os.umask(0o077)
    os.nice(arguments.nice)
    cancel = _Cancel()
    _follow_parent()
    lines = Lines()
    with logging_to(arguments.log_level, None, stderr=True):
        for chatty in ("httpx2", "httpcore2", "huggingface_hub"):  # their lines hold signed addresses
            logging.getLogger(chatty).setLevel(logging.WARNING)
        try:
            _run(arguments, lines)
        except LofiError as error:
            lines.write(Failed(error=error.info()))
            sys.exit(EXIT_FAILED)
        except BrokenPipeError:  # nobody reads any more
            sys.exit(EXIT_FAILED)
        except Exception as error:
            if cancel.number is not None:  # a library that was being imported made this of it
                sys.exit(128 + cancel.number)
            log.exception(fields("installer_failed"))
            lines.write(Failed(error=InternalError(f"the installer failed: {error!r}").info()))
            sys.exit(EXIT_FAILED)


def _run(arguments: argparse.Namespace, lines: Lines) -> None:
    order = Order(
        source=arguments.source,
        models=arguments.models,
        catalogue=arguments.catalogue or catalogue_folder(),
        name=arguments.name,
        precision=arguments.precision,
        threads=arguments.threads,
        keep_source=arguments.keep_source,
        patience=PatienceSettings(
            tries=arguments.tries,
            first_pause_sec=arguments.retry_pause_sec,
            stall_sec=arguments.stall_sec,
        ),
    )
    installation = Installation(order, lines.write)
    if arguments.action == "resolve":
        installation.resolve()
    else:
        installation.install()


def _follow_parent() -> None:
    """The end of stdin cancels, as the signal does; a process that does not unwind is gone soon after."""
    orders: queue.SimpleQueue[BrokerMessage] = queue.SimpleQueue()
    follow_parent(orders)

    def cancel() -> None:
        orders.get()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=cancel, name="cancel", daemon=True).start()


class _Cancel:
    """The first signal unwinds, so that nothing half-made remains; a second one changes nothing."""

    def __init__(self) -> None:
        self.number: int | None = None
        for each in _CANCEL:
            signal.signal(each, self._leave)

    def _leave(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        for each in _CANCEL:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    limits = PatienceSettings()
    parser = argparse.ArgumentParser(
        prog="lofi-install",
        description="Started by the broker; one JSON object per line on stdout; leaves when stdin is closed.",
    )
    parser.add_argument("action", choices=["resolve", "install"])
    parser.add_argument(
        "source", help="a name of the catalogue, owner/name[@revision][:subfolder], or a folder"
    )
    parser.add_argument("--models", type=Path, required=True, help="folder of the installed models")
    parser.add_argument("--name", help="name of the installed model; default: the source's")
    parser.add_argument("--precision", choices=get_args(Precision), default=DEFAULT_PRECISION)
    parser.add_argument(
        "--threads", type=int, default=0, help="of the import; 0 leaves it to the number of cores"
    )
    parser.add_argument("--nice", type=int, default=0, help="niceness to take, 0 to 19")
    parser.add_argument("--keep-source", action="store_true", help="keep the fetched files after the import")
    parser.add_argument("--catalogue", type=Path, help="folder of the catalogue; default: the installed one")
    parser.add_argument("--tries", type=int, default=limits.tries, help="failures in a row before giving up")
    parser.add_argument("--retry-pause-sec", type=float, default=limits.first_pause_sec)
    parser.add_argument(
        "--stall-sec", type=float, default=limits.stall_sec, help="longest silence of a server"
    )
    parser.add_argument("--log-level", default="info")
    return parser


if __name__ == "__main__":
    main()
