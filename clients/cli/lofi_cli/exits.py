"""Exit codes, and how an error is told to people and scripts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OK = 0
JOB_FAILED = 1
USAGE = 2
NO_BROKER = 3
QUEUE_FULL = 4
NO_MODEL = 5
TIMED_OUT = 6
CANCELLED = 7
INTERRUPTED = 130

_BY_NAME = {
    "PARSE_ERROR": USAGE,
    "INVALID_REQUEST": USAGE,
    "INVALID_PARAMS": USAGE,
    "INVALID_PROMPT": USAGE,
    "INVALID_DURATION": USAGE,
    "INVALID_TRACK_ID": USAGE,
    "CONFIG_ERROR": USAGE,
    "BROKER_UNAVAILABLE": NO_BROKER,
    "QUEUE_FULL": QUEUE_FULL,
    "MODEL_NOT_FOUND": NO_MODEL,
    "DOWNLOAD_CONSENT_REQUIRED": NO_MODEL,
    "GENERATION_CANCELLED": CANCELLED,
}


def code_of(error_name: str) -> int:
    return _BY_NAME.get(error_name, JOB_FAILED)


def end_on_sigterm() -> None:
    """Leave by way of every `finally`, so that the terminal is left as it was."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def tell(message: str, recovery: str = "") -> None:
    """On stderr. What the words quote may come from elsewhere: from a model's manifest, from the Hub."""
    from lofi_cli.show import printable

    print(f"lofi: {printable(message)}", file=sys.stderr)
    if recovery:
        print(f"      {printable(recovery)}", file=sys.stderr)


@contextmanager
def reported() -> Iterator[None]:
    """Turn a LofiError into its message and exit code, and an interrupt into its own."""
    try:
        from lofi_common.errors import LofiError

        try:
            yield
        except LofiError as error:
            tell(str(error), error.recovery)
            sys.exit(code_of(error.name))
    except KeyboardInterrupt:
        tell("interrupted")
        sys.exit(INTERRUPTED)


@contextmanager
def interrupt_deferred() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended: an answer that is on its way must not be lost.

    A second Ctrl-C gets through. Leaves an ignored SIGINT ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    arrived: list[int] = []

    def remember(number: int, frame: object) -> None:
        if arrived:
            raise KeyboardInterrupt
        arrived.append(number)

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if arrived:
        raise KeyboardInterrupt
