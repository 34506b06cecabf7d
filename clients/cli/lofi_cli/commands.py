"""The commands of `lofi` that need no more than a function each."""

from __future__ import annotations

import sys

import click

from lofi_cli import complete, exits
from lofi_cli.group import HELP


@click.command(context_settings=HELP)
@click.argument("kind", nargs=-1, shell_complete=complete.kinds_of_words)
@click.option("--history", is_flag=True, help="List prompts that were asked for, all or with these words.")
@click.option("--forget", is_flag=True, help="Forget the prompts that were asked for; tracks stay.")
@click.option("-y", "--yes", is_flag=True, help="Forget without a question.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many of the history."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; of the history one per prompt.")
def prompts(kind: tuple[str, ...], history: bool, forget: bool, yes: bool, limit: int, as_json: bool) -> None:
    """List words that the model was taught: all kinds in short, or one KIND ("drums", "examples").

    With --history, list what was asked for, the last prompt first.
    """
    if forget and (history or kind):
        raise click.UsageError("--forget stands alone: it forgets all prompts")
    if yes and not forget:
        raise click.UsageError("--yes goes with --forget")
    words = " ".join(kind)
    with exits.reported():
        if forget:
            from lofi_cli.history import forget_prompts

            click.echo(forget_prompts(yes=yes, as_json=as_json))
        elif history:
            from lofi_cli.history import show_history

            click.echo(show_history(words, limit=limit, as_json=as_json), nl=False)
        else:
            from lofi_cli.prompts import show_prompts

            click.echo(show_prompts(words, as_json=as_json))


@click.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def keys(as_json: bool) -> None:
    """Show this machine's public keys and the clients that its broker lets in over TCP."""
    with exits.reported():
        from lofi_cli.keys import show_keys

        click.echo(show_keys(as_json=as_json))


@click.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="On one line.")
def schema(as_json: bool) -> None:
    """Print the JSON Schemas of all methods and notifications."""
    with exits.reported():
        import msgspec

        from lofi_common.schema import protocol_schema

        encoded = msgspec.json.encode(protocol_schema())
        click.echo(encoded if as_json else msgspec.json.format(encoded, indent=2))


@click.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="All checks as one JSON object, when all are done.")
def doctor(as_json: bool) -> None:
    """Check the installation and say what to do about each problem; exit code 1 if there is one."""
    with exits.reported():
        from lofi_cli.doctor import examine
        from lofi_cli.show import json_line
        from lofi_cli.show_doctor import show_check

        checks = []
        for check in examine():
            checks.append(check)
            if not as_json:
                click.echo(show_check(check))
        healthy = all(check.ok for check in checks)
        if as_json:
            click.echo(json_line({"ok": healthy, "checks": [check._asdict() for check in checks]}))
        sys.exit(exits.OK if healthy else exits.JOB_FAILED)
