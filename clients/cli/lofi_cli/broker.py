"""`lofi broker`: start, stop or look for the background broker."""

from __future__ import annotations

import click

from lofi_cli import exits
from lofi_cli.group import HELP, Group

_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group(cls=Group, context_settings=HELP)
def broker() -> None:
    """Start, stop or look for the background broker.

    Commands that make or list tracks start it by themselves; it leaves when nobody has needed it for a while.
    """


@broker.command()
@_as_json
def start(as_json: bool) -> None:
    """Start a broker unless one is running."""
    from lofi_cli.show import json_line
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        info = lofi.status().broker
        click.echo(json_line(info) if as_json else f"running, pid {info.pid}")


@broker.command()
@_as_json
def stop(as_json: bool) -> None:
    """Ask the broker to leave: music ends, queued tracks wait for the next one.

    With LOFI_BROKER set that is the broker on the other machine.
    """
    from lofi_cli.leave import stop_broker
    from lofi_cli.show import json_line

    with exits.reported():
        stopped = stop_broker()
        click.echo(json_line(stopped) if as_json else stopped.words())


@broker.command()
@_as_json
def status(as_json: bool) -> None:
    """Say whether a broker is running; exit code 3 if not."""
    from lofi_cli.show import json_line
    from lofi_client import Lofi
    from lofi_common.units import human_time

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        info = lofi.status().broker
        words = f"running, pid {info.pid}, version {info.version}, for {human_time(info.uptime_sec)}"
        click.echo(json_line(info) if as_json else words)
