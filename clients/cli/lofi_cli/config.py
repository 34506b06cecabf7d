"""`lofi config`: the settings, where each comes from, and the user's file, changed with care."""

from __future__ import annotations

import click

from lofi_cli import complete, exits
from lofi_cli.group import HELP, Group

_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_name = click.argument("name", metavar="KEY", shell_complete=complete.setting_names)


@click.group(cls=Group, context_settings=HELP)
def config() -> None:
    """Show and change the settings.

    The environment (LOFI_<SECTION>_<KEY>) goes before the file, the file before the defaults.
    """


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: key, value and origin of each.")
def show(as_json: bool) -> None:
    """Show all settings and where each comes from."""
    with exits.reported():
        from lofi_cli.settings import read_settings, show_settings
        from lofi_cli.show import json_line

        found = read_settings()
        click.echo(json_line(found) if as_json else show_settings(found))


@config.command()
@_name
@_as_json
def get(name: str, as_json: bool) -> None:
    """Print the value of KEY, such as queue.max_pending."""
    with exits.reported():
        from lofi_cli.settings import find_setting
        from lofi_cli.show import json_line

        found = find_setting(name)
        click.echo(json_line(found) if as_json else found.in_words())


@config.command("set", context_settings={"ignore_unknown_options": True})
@_name
@click.argument("value", shell_complete=complete.setting_values)
@_as_json
def set_(name: str, value: str, as_json: bool) -> None:
    """Write VALUE for KEY into the settings file.

    It is checked first; comments and layout of the file stay. A running broker keeps what it has read.
    """
    with exits.reported():
        from lofi_cli.settings import change_setting

        _tell_changed(name, change_setting(name, value), as_json=as_json)


@config.command()
@_name
@_as_json
def unset(name: str, as_json: bool) -> None:
    """Take KEY out of the settings file: its default holds again."""
    with exits.reported():
        from lofi_cli.settings import change_setting

        changed = change_setting(name, None)
        if not changed:
            exits.tell(f"the file does not set {name}: nothing has changed")
        _tell_changed(name, changed, as_json=as_json)


@config.command()
@_as_json
def path(as_json: bool) -> None:
    """Print where the settings file lies, or would lie."""
    with exits.reported():
        import os

        from lofi_cli.show import json_line
        from lofi_common.paths import find_paths

        file = find_paths(os.environ).config_file
        told = {"path": str(file), "exists": file.exists()}
        click.echo(json_line(told) if as_json else told["path"])


def _tell_changed(name: str, changed: bool, *, as_json: bool) -> None:
    """What holds now, and why that may not be what was just written, or not yet."""
    from lofi_cli.settings import broker_runs, find_setting, variable_of
    from lofi_cli.show import json_line

    now = find_setting(name)
    click.echo(json_line(now) if as_json else f"{name} = {now.in_words()} ({now.origin})")
    if now.origin == "environment":
        exits.tell(f"{variable_of(name)} in the environment goes before the file")
    if changed and broker_runs():
        exits.tell(
            "a broker runs with the settings before", "`lofi broker stop`: the next one reads them anew."
        )
