"""`lofi logs`: the broker's log, of this and earlier brokers."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import closing

import click

from lofi_cli import complete, exits
from lofi_cli.group import HELP

_PAUSE_SEC = 0.1


@click.command(context_settings=HELP)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, also of brokers that come later.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="How many, the newest ones."
)
@click.option(
    "--track",
    metavar="ID",
    shell_complete=complete.track_ids,
    help="Only of this track (or its id's beginning).",
)
@click.option("--worker", metavar="NAME", help="Only of this worker, such as w0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line: its fields.")
def logs(follow: bool, lines: int, track: str | None, worker: str | None, as_json: bool) -> None:
    """Print the newest lines of the broker's log, or follow it.

    Starts no broker. Ctrl-C ends it.
    """
    with exits.reported():
        from lofi_cli.log_files import LogTail, Wanted, log_file, show_line

        file = log_file()
        wanted = Wanted(track=track, worker=worker)
        with closing(LogTail(file)) as tail:
            shown = deque(filter(wanted.takes, tail.read()), maxlen=lines)
            for line in shown:
                click.echo(show_line(line, as_json=as_json))
            if not follow and not tail.found:
                exits.tell(f"there is no log yet: {file}", "No broker has run here.")
            elif not follow and not shown and lines:
                exits.tell("the log has no such line")
            try:
                while follow:
                    for line in filter(wanted.takes, tail.read()):
                        click.echo(show_line(line, as_json=as_json))
                    time.sleep(_PAUSE_SEC)
            except KeyboardInterrupt:  # how everybody ends it: no news
                exits.end_line()
                sys.exit(exits.INTERRUPTED)
