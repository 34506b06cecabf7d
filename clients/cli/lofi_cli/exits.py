"""Exit codes, and how an error is told to people and scripts."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lofi_common.errors import LofiError

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
    "USAGE_ERROR": USAGE,
    "CONFIG_ERROR": USAGE,
    "RAY_MISSING": USAGE,
    "BROKER_UNAVAILABLE": NO_BROKER,
    "CLUSTER_UNAVAILABLE": NO_BROKER,
    "QUEUE_FULL": QUEUE_FULL,
    "MODEL_NOT_FOUND": NO_MODEL,
    "DOWNLOAD_CONSENT_REQUIRED": NO_MODEL,
    "GENERATION_CANCELLED": CANCELLED,
    "INSTALLATION_CANCELLED": CANCELLED,
    "TIMED_OUT": TIMED_OUT,
    "INTERRUPTED": INTERRUPTED,
}


def code_of(error_name: str) -> int:
    return _BY_NAME.get(error_name, JOB_FAILED)


def run(command: click.Command, name: str) -> None:
    """Run the command line of this process and leave.

    As click does it, except that a wrong command line is told like every other error, as JSON where that was
    asked for, and that Ctrl-C ends with its own code wherever it comes. What a shell asks for, to complete
    a line that is being typed, is answered in silence.
    """
    if os.environ.get(completion_variable(name), "").endswith("_complete"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        done = command.main(prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        if "--json" in sys.argv:
            fail("USAGE_ERROR", error.format_message())
        else:
            error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        sys.exit(fail("USAGE_ERROR", error.format_message()))
    except click.Abort:
        sys.exit(fail_interrupted())
    sys.exit(done if isinstance(done, int) else OK)


def completion_variable(name: str) -> str:
    """The environment variable by which a shell asks the command `name` to complete a line."""
    return f"_{name.replace('-', '_').upper()}_COMPLETE"


def end_on_sigterm() -> None:
    """Leave by way of every `finally`, so that the terminal is left as it was."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def tell(message: str, recovery: str = "") -> None:
    """A note on stderr; with --json as `{"note": {"message": …}}`."""
    _say("note", {"message": message, "recovery": recovery})


def fail(name: str, message: str, recovery: str = "", *, code: int | None = None) -> int:
    """Why the command fails, on stderr; with --json as `{"error": {"name": …}}`. Returns its exit code, which
    the name tells unless it is given."""
    code = code_of(name) if code is None else code
    _say("error", {"name": name, "message": message, "recovery": recovery, "exit_code": code})
    return code


def fail_with(error: LofiError) -> int:
    """`fail` with all that an error knows."""
    code = code_of(error.name)
    told: dict[str, str | int] = {"name": error.name, "code": error.code, "message": str(error)}
    _say("error", {**told, "details": error.details, "recovery": error.recovery, "exit_code": code})
    return code


def fail_interrupted() -> int:
    """`fail`, on a line of its own: on a terminal Ctrl-C has left its ^C where the cursor was."""
    end_line()
    return fail("INTERRUPTED", "interrupted")


def end_line() -> None:
    """Go to a new line on a terminal."""
    if sys.stderr.isatty() and not wants_json():
        print(file=sys.stderr)


def _say(kind: str, told: Mapping[str, str | int]) -> None:
    """What the words quote may come from elsewhere: from a model's manifest, from the Hub."""
    from lofi_cli.show import printable
    from lofi_common.errors import InvalidParams

    if told["recovery"] == InvalidParams.hint:  # it is for those who speak the protocol
        told = {**told, "recovery": ""}
    clean = {key: printable(each) if isinstance(each, str) else each for key, each in told.items()}
    if wants_json():
        import msgspec

        filled = {key: each for key, each in clean.items() if each != ""}
        print(msgspec.json.encode({kind: filled}).decode(), file=sys.stderr)
        return
    print(f"lofi: {clean['message']}", file=sys.stderr)
    if clean["recovery"]:
        print(f"      {clean['recovery']}", file=sys.stderr)


def wants_json() -> bool:
    """Whether the command that runs was given --json; before it runs, whether the command line says so."""
    context = click.get_current_context(silent=True)
    return bool(context.params.get("as_json")) if context else "--json" in sys.argv


@contextmanager
def reported() -> Iterator[None]:
    """Turn a LofiError into its message and exit code, and an interrupt into its own."""
    try:
        from lofi_common.errors import LofiError

        try:
            yield
        except LofiError as error:
            sys.exit(fail_with(error))
    except KeyboardInterrupt:
        sys.exit(fail_interrupted())


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
