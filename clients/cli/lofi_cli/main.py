"""`lofi`: look after the broker, the queue and the tracks."""

from __future__ import annotations

import sys

import click

import lofi_common
from lofi_cli import exits
from lofi_cli.models import models
from lofi_cli.submit import main as submit
from lofi_cli.tracks import tracks


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(lofi_common.__version__, prog_name="lofi")
def main() -> None:
    """Local text-to-music: a prompt goes in, a lo-fi track comes out."""


main.add_command(submit, "submit")
main.add_command(models, "models")
main.add_command(tracks, "tracks")


@main.group()
def broker() -> None:
    """Start, stop or look for the background broker."""


@broker.command()
def start() -> None:
    """Start a broker unless one is running."""
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(name="lofi") as lofi:
        click.echo(f"running, pid {lofi.status().broker.pid}")


@broker.command()
def stop() -> None:
    """Ask the broker to leave; queued tracks wait for the next one.

    With LOFI_BROKER set that is the broker on the other machine.
    """
    from lofi_cli.leave import stop_broker

    with exits.reported():
        click.echo(stop_broker())


@broker.command("status")
def broker_status() -> None:
    """Say whether a broker is running; exit code 3 if not."""
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        info = lofi.status().broker
        click.echo(f"running, pid {info.pid}, version {info.version}, for {info.uptime_sec:.0f} s")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The whole status as one JSON object.")
def status(as_json: bool) -> None:
    """Show the broker, its workers and the queue."""
    from lofi_cli.show import show_status
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        click.echo(show_status(lofi.status(), as_json=as_json))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="The queue as one JSON object.")
def queue(as_json: bool) -> None:
    """Show what runs and what waits."""
    from lofi_cli.show import show_queue
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        click.echo(show_queue(lofi.queue(), as_json=as_json))


@main.command()
@click.argument("track_id")
def cancel(track_id: str) -> None:
    """Cancel a queued or running track."""
    from lofi_client import Lofi

    with exits.reported(), Lofi.connect(start=False, name="lofi") as lofi:
        click.echo(f"{track_id} is {lofi.cancel(track_id).status}")


@main.command()
@click.argument("kind", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Kinds, meanings and words as one JSON object.")
def prompts(kind: tuple[str, ...], as_json: bool) -> None:
    """List words that the model was taught: all kinds in short, or one KIND ("drums", "leave out")."""
    from lofi_cli.prompts import show_prompts

    with exits.reported():
        click.echo(show_prompts(" ".join(kind), as_json=as_json))


@main.command()
def keys() -> None:
    """Show this machine's public keys and the clients that its broker lets in over TCP."""
    from lofi_cli.keys import show_keys

    with exits.reported():
        click.echo(show_keys())


@main.command()
def schema() -> None:
    """Print the JSON Schemas of all methods and notifications."""
    import msgspec

    from lofi_common.schema import protocol_schema

    click.echo(msgspec.json.format(msgspec.json.encode(protocol_schema()), indent=2).decode())


@main.command()
def doctor() -> None:
    """Check the installation and say what to do about each problem."""
    from lofi_cli.doctor import examine
    from lofi_cli.show import printable

    problems = 0
    for check in examine():
        mark = click.style("ok     ", fg="green") if check.ok else click.style("problem", fg="red")
        click.echo(f"{mark} {printable(check.what)}")
        if not check.ok:
            problems += 1
            click.echo(f"        {printable(check.advice)}")
    sys.exit(exits.JOB_FAILED if problems else exits.OK)


if __name__ == "__main__":
    main()
