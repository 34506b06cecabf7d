"""Options, and what the plugin does before anybody asks for something: nothing."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
import pytest

from lofi_common.api import METHODS
from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import PLUGIN, Editor, EditorError


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"progress": {"backend": "fancy"}},
            'lofi: progress.backend: expected one of "auto", "native", "fidget", "notify", "mini", "echo",'
            ' got "fancy"',
        ),
        (
            {"generate": {"duration_sec": "20"}},
            'lofi: generate.duration_sec: expected a whole number from 5 to 3600, got "20"',
        ),
        ({"progres": {}}, "lofi: progres: there is no such option; did you mean progress?"),
        ({"broker": {"cdm": "x"}}, "lofi: broker.cdm: there is no such option; did you mean broker.cmd?"),
        ({"broker": {"cmd": 7}}, "lofi: broker.cmd: expected a string or a list of strings, got 7 (number)"),
        ({"broker": {"env": ["A=1"]}}, 'expected a table of strings by name, got { "A=1" }'),
        ({"generate": 3}, "lofi: generate: expected a table, got 3 (number)"),
        ({"play_on_complete": 1}, "lofi: play_on_complete: expected a boolean, got 1 (number)"),
    ],
)
def test_a_wrong_option_is_named_with_its_path(editor: Editor, options: dict[str, object], told: str) -> None:
    with pytest.raises(EditorError) as raised:
        editor.lua("require('lofi').setup(...)", options)
    assert told in str(raised.value)
    assert editor.lua("return require('lofi.config').get().generate.duration_sec") == 30


def test_all_wrong_options_are_named_at_once(editor: Editor) -> None:
    with pytest.raises(EditorError) as raised:
        editor.lua("require('lofi').setup({ picker = 'x', generate = { format = 'midi' } })")
    assert "lofi: picker:" in str(raised.value) and "lofi: generate.format:" in str(raised.value)


def test_without_setup_the_variable_counts_and_its_wrong_options_are_told_once(home: Home) -> None:
    with Editor(home.root / "bare", home.environ) as editor:
        editor.lua("vim.g.lofi = { generate = { duration_sec = 12, top_k = -1 }, picker = 'select' }")
        got = editor.lua("local c = require('lofi.config') c.get() return c.get()")
        assert got["generate"]["duration_sec"] == 12 and got["picker"] == "select"
        assert "top_k" not in got["generate"]
        editor.lua("return 1")
        (told,) = editor.events("notify")
        assert "lofi: generate.top_k: expected a whole number from 0 to 65536" in told["words"]
        assert "generate.top_k" in editor.lua("return require('lofi.config').problem()")


def test_nothing_is_loaded_or_started_before_the_first_use(home: Home, open_editor: Open) -> None:
    with Editor(home.root / "bare", home.environ) as editor:
        loaded = "return vim.tbl_filter(function(n) return n:find('^lofi') end, vim.tbl_keys(package.loaded))"
        assert editor.lua(loaded) == []
        assert editor.lua("return vim.fn.exists(':Lofi')") == 2
        editor.lua("require('lofi').setup({ generate = { duration_sec = 10 } })")
        editor.lua("require('lofi').status() require('lofi').is_generating()")
        editor.lua("require('lofi').on('complete', function() end)")
        assert psutil.Process(editor.process.pid).children() == []
        assert not home.paths.broker_file.exists()


def test_each_method_of_the_protocol_has_a_function() -> None:
    folder = PLUGIN / "lua" / "lofi"
    text = "".join(path.read_text() for path in [folder / "init.lua", *(folder / "methods").iterdir()])
    asked = set(re.findall(r"(?:ask|pages)\(\"(\w+)\"", text))
    assert {*METHODS} - asked - {"initialize"} == set()


def test_nothing_in_the_plugin_waits() -> None:
    waits = re.compile(r"vim\.wait\(|:wait\(|fn\.system|io\.popen|os\.execute|\bsleep\b|vim\.rpcrequest")
    own = [path for path in (PLUGIN / "lua").rglob("*.lua") if path.name != "health.lua"]
    found = {path.name: waits.findall(path.read_text()) for path in own}
    assert len(found) > 10 and not any(found.values()), found


def test_the_plugin_s_own_environment_comes_before_the_path(home: Home, tmp_path: Path) -> None:
    """A clone with the plugin in it, as a plugin manager leaves it."""
    root = tmp_path / "a clone"
    plugin = root / "clients" / "nvim"
    (root / "lofi_broker").mkdir(parents=True)
    finder = plugin / "lua" / "lofi" / "find.lua"
    finder.parent.mkdir(parents=True)
    finder.write_text((PLUGIN / "lua" / "lofi" / "find.lua").read_text())
    on_path = tmp_path / "bin" / "lofi-broker"
    programs = [on_path, root / ".venv" / "bin" / "lofi-broker", plugin / ".venv" / "bin" / "lofi-broker"]
    find = "return { dofile(...).broker() }"
    install = "return dofile(...).install_words()"
    script = str(finder)
    with Editor(home.root / "bare", {**home.environ, "PATH": str(on_path.parent)}) as editor:
        assert editor.lua(find, script) == [None, "lofi: the program lofi-broker was not found"]
        words = editor.lua(install, script)
        assert f"python3 -m venv '{root}'/.venv && '{root}'/.venv/bin/pip install '{root}'" in words
        for program in programs:  # each one comes before those already there
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            assert editor.lua(find, script) == [[str(program)]]
        assert editor.lua("return { dofile(...).broker('nowhere-to-be-found') }", script) == [
            None,
            'lofi: broker.cmd: "nowhere-to-be-found" is not a program that can be run',
        ]
