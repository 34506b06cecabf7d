"""`lofi completion`: what a shell needs to complete the commands."""

from __future__ import annotations

import click

from lofi_cli import exits
from lofi_cli.group import HELP

_SHELLS = ("bash", "zsh", "fish")


@click.command(context_settings=HELP)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.option("--json", "as_json", is_flag=True, help="One JSON object: shell and script.")
def completion(shell: str, as_json: bool) -> None:
    """Print the script that lets SHELL complete commands, options, track ids, models and settings.

    \b
    bash  echo 'eval "$(lofi completion bash)"' >> ~/.bashrc
    zsh   echo 'eval "$(lofi completion zsh)"' >> ~/.zshrc    (after compinit)
    fish  lofi completion fish > ~/.config/fish/completions/lofi.fish
    """
    with exits.reported():
        script = _script(shell)
        if as_json:
            from lofi_cli.show import json_line

            click.echo(json_line({"shell": shell, "script": script}))
        else:
            click.echo(script)


def _script(shell: str) -> str:
    """Click's own, for each command. Nothing looks for the shell: it may be on another machine."""
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    scripts = []
    for name in ("lofi", "lofi-submit", "lofi-batch"):
        # The base class's: bash's own runs bash, to warn of one that is too old.
        scripts.append(
            ShellComplete.source(kind(click.Command(name), {}, name, exits.completion_variable(name)))
        )
    return "\n".join(scripts)
