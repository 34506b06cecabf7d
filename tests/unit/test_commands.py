"""All commands of `lofi`: what their help costs and says, and what a wrong command line is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lofi_cli.main import lofi
from lofi_cli.submit import submit


def walk(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from walk(found, *names, name)


ALL = dict(walk(lofi))
DOCUMENT = (Path(__file__).parents[2] / "docs/commands.md").read_text()
LEAVES = [names for names, command in ALL.items() if not isinstance(command, click.Group)]


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_each_command_explains_itself_and_its_parameters(names: tuple[str, ...]) -> None:
    for flag in ("-h", "--help"):
        shown = CliRunner().invoke(lofi, [*names, flag])
        assert shown.exit_code == 0 and shown.stdout.startswith("Usage: lofi")
    command = ALL[names]
    assert command.help and command.help.strip().split("\n")[0].rstrip().endswith((".", ";", ":", ").")), (
        names
    )
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{names} {parameter.name}"


@pytest.mark.parametrize("names", LEAVES, ids=" ".join)
def test_each_command_has_json(names: tuple[str, ...]) -> None:
    flags = [flag for parameter in ALL[names].params for flag in parameter.opts]
    assert "--json" in flags


@pytest.mark.parametrize("names", LEAVES, ids=" ".join)
def test_each_command_is_in_the_document(names: tuple[str, ...]) -> None:
    assert f"`lofi {' '.join(names)}" in DOCUMENT


def test_lofi_submit_is_lofi_s_own() -> None:
    assert ALL[("submit",)] is submit


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    """The list is written down, so that nothing need be imported for it: no command is forgotten."""
    shown = CliRunner().invoke(lofi, ["--help"]).stdout
    context = click.Context(lofi)
    for name in lofi.list_commands(context):
        assert f"\n  {name} " in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "--help"], ["logs", "--help"]])
def test_help_loads_nothing_that_takes_its_time(arguments: list[str]) -> None:
    script = (
        "import atexit, sys\n"
        "heavy = ('zmq', 'msgspec', 'msgpack', 'numpy', 'soundfile', 'tomlkit', 'lofi_client', 'difflib')\n"
        "atexit.register(lambda: print([m for m in heavy if m in sys.modules]))\n"
        f"sys.argv = ['lofi', *{arguments!r}]\n"
        "from lofi_cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.endswith("\n[]\n"), done


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stats"], "No such command 'stats'. Did you mean status?"),
        (["Tracks"], "Did you mean tracks?"),
        (["models", "lst"], "No such command 'lst'. Did you mean list?"),
        (["config", "sett"], "Did you mean set or unset?"),
        (["broker", "stat"], "Did you mean start or status?"),
        (["rainy night, slow"], "To make a track of it: `lofi submit PROMPT`."),
        (["xyzzy"], "No such command 'xyzzy'.\n"),
        (["status", "--jsom"], "--json"),
    ],
)
def test_a_slip_of_the_finger_is_answered_with_what_may_be_meant(arguments: list[str], words: str) -> None:
    refused = CliRunner().invoke(lofi, arguments)
    assert refused.exit_code == 2 and words in refused.stderr and refused.stdout == ""


@pytest.mark.parametrize(
    "arguments", [["stats", "--json"], ["cancel", "--json"], ["logs", "-n", "-1", "--json"], ["--json"]]
)
def test_a_wrong_command_line_with_json_is_answered_with_json(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lofi_cli.main", *arguments], capture_output=True, text=True, timeout=30
    )
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, done.stdout) == (2, "") and error["message"]
    assert (error["name"], error["exit_code"]) == ("USAGE_ERROR", 2)
