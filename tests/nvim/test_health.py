"""`:checkhealth lofi`: it names what is there and what is not, and starts no broker."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import lofi_common
from lofi_client.launch import find_broker
from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor

# No broker is installed: neither in a clone's environment nor on PATH.
HIDE = """
local executable = vim.fn.executable
vim.fn.executable = function(path) return path:find("/.venv/", 1, true) and 0 or executable(path) end
vim.env.PATH = "/nowhere"
"""


def health(editor: Editor) -> str:
    """What `:checkhealth lofi` shows."""
    editor.command("checkhealth lofi")
    return "\n".join(editor.request("nvim_buf_get_lines", 0, 0, -1, False))


def lines(report: str, level: str) -> list[str]:
    """The lines of a level, without Neovim's signs."""
    return [line for line in report.splitlines() if re.search(rf"{level}\b", line)]


def test_the_broker_tells_its_version_and_its_protocol(home: Home) -> None:
    done = home.run("lofi_broker", "--version")
    assert done.stdout == f"lofi {lofi_common.__version__}, protocol {lofi_common.PROTOCOL}\n"


def test_a_sound_installation_is_told_in_full_and_no_broker_is_started(
    starter: Home, open_editor: Open
) -> None:
    editor = open_editor(starter)
    report = health(editor)
    assert lines(report, "ERROR") == []
    for words in (
        "OK Neovim 0.",
        "OK configuration",
        f"OK command: {sys.executable} -m lofi_broker",
        f"OK version {lofi_common.__version__}, protocol {lofi_common.PROTOCOL}",
        "OK Python 3.",
        "OK model: lofi-tiny",
        "MB, all files whole",
        "OK device: ",
        "OK broker: not running",
        "not known: no broker runs",
        "sound devices: not asked for, no broker runs",
        'progress "fidget": not there, needs fidget.nvim',
        'progress "echo": there',
        'picker "telescope": not there',
    ):
        assert words in re.sub(r"[✅❌]|WARNING ", "", report).replace("  ", " "), words
    assert find_broker(starter.paths) is None
    assert editor.events("LofiConnected") == []


def test_the_speed_is_measured_by_the_last_tracks(starter: Home, open_editor: Open) -> None:
    editor = open_editor(starter)
    editor.call("generate", {"prompt": "rain", "duration_sec": 5})
    editor.wait("LofiComplete")
    report = health(editor)
    assert "broker: running, pid" in report
    assert re.search(r"\d+\.\d s of music per second, over the last track", report), report


def test_sound_devices_and_the_session_bus_are_named(quiet: Home, open_editor: Open) -> None:
    quiet.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={quiet.root}/bus"
    editor = open_editor(quiet)
    editor.call("stats")
    report = health(editor)
    assert "session bus: media keys work while music plays" in report
    assert "OK sound device: null, the default one" in re.sub(r"[✅❌]", "", report).replace("  ", " ")
    editor.lua("vim.env.DBUS_SESSION_BUS_ADDRESS, vim.env.XDG_RUNTIME_DIR = nil, ...", str(quiet.root))
    assert "no session bus: media keys are not told to lofi" in health(editor)


def test_a_broker_that_is_not_found_comes_with_the_way_to_install_it(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": "/nowhere/lofi-broker"}})
    editor.lua(HIDE)
    report = health(editor)
    assert any('"/nowhere/lofi-broker" is not a program' in line for line in lines(report, "ERROR"))
    assert "pip install" in report


def program(folder: Path, name: str, text: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_wrong_command_is_to_be_unset_where_a_broker_is_there(
    home: Home, open_editor: Open, short_tmp: Path
) -> None:
    editor = open_editor(home, options={"broker": {"cmd": "/nowhere/lofi-broker"}})
    editor.lua(HIDE)
    program(short_tmp / "bin", "lofi-broker", "echo")
    editor.lua("vim.env.PATH = ...", str(short_tmp / "bin"))
    report = health(editor)
    assert f"Unset broker.cmd: there is one in {short_tmp / 'bin'}." in report
    assert "pip install" not in report


def test_a_broker_of_another_protocol_is_named(home: Home, open_editor: Open, short_tmp: Path) -> None:
    command = program(short_tmp / "bin", "lofi-broker", "echo lofi 9.9, protocol 99")
    editor = open_editor(home, options={"broker": {"cmd": command}})
    report = health(editor)
    assert "version 9.9 speaks protocol 99, this plugin protocol 1" in lines(report, "ERROR")[0]
    assert "same version" in report


def test_programs_that_fail_are_named_with_their_reason(
    home: Home, open_editor: Open, short_tmp: Path
) -> None:
    command = program(short_tmp / "bin", "lofi-broker", "echo no such module >&2; exit 3")
    program(short_tmp / "bin", "lofi", "echo no such module >&2; exit 3")
    editor = open_editor(home, options={"broker": {"cmd": command}})
    errors = lines(health(editor), "ERROR")
    assert [re.sub(r".*ERROR ", "", line) for line in errors] == [
        f"{command} --version: no such module",
        "lofi doctor --json: no such module",
    ]


def test_a_problem_of_the_installation_comes_with_its_advice(home: Home, open_editor: Open) -> None:
    (home.paths.config_file.parent).mkdir(parents=True, exist_ok=True)
    home.paths.config_file.write_text("[queue]\nmax_pendin = 3\n")
    report = health(open_editor(home))
    assert any("max_pendin" in line for line in lines(report, "ERROR")), report
    assert "ADVICE" in report


def test_wrong_options_are_named(home: Home, open_editor: Open) -> None:
    editor = Editor(home.root / "wrong", home.environ)
    with editor:
        editor.lua("vim.g.lofi = { picker = 'fzf' }")
        assert any("lofi: picker: expected one of" in line for line in lines(health(editor), "ERROR"))
