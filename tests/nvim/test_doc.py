"""doc/lofi.txt: everything that a user can reach has its tag, and what it shows works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.nvim import PLUGIN, Editor, environment, nvim_path

PAGE = PLUGIN / "doc" / "lofi.txt"


@pytest.fixture
def tags(tmp_path: Path) -> set[str]:
    """What `:helptags` finds; it must find fault with nothing."""
    shutil.copy(PAGE, tmp_path)
    done = subprocess.run(
        [nvim_path(), "--headless", "--clean", f"+helptags {tmp_path}", "+q"],
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(tmp_path, {}),
    )
    assert done.stderr == "", done.stderr
    return {line.split("\t")[0] for line in (tmp_path / "tags").read_text().splitlines()}


def test_the_tags_of_the_page_are_there(tags: set[str]) -> None:
    """Committed, so that help works however the plugin was installed."""
    kept = (PLUGIN / "doc" / "tags").read_text().splitlines()
    assert {line.split("\t")[0] for line in kept} == tags, "run :helptags clients/nvim/doc"


def missing(tags: set[str], wanted: list[str]) -> list[str]:
    assert wanted
    return sorted(set(wanted) - tags)


def test_each_subcommand_has_a_tag(tags: set[str], editor: Editor) -> None:
    subcommands = editor.lua("return vim.fn.getcompletion('Lofi ', 'cmdline')")
    assert missing(tags, [":Lofi", *(f":Lofi-{name}" for name in subcommands)]) == []


def test_each_option_has_a_tag(tags: set[str], editor: Editor) -> None:
    paths = editor.lua(
        """
        local found = {}
        local function walk(schema, path)
          for name, rule in pairs(schema) do
            table.insert(found, path .. name)
            if type(rule) == "table" then
              walk(rule, path .. name .. ".")
            end
          end
        end
        walk(require("lofi.config").schema, "")
        return found
        """
    )
    assert missing(tags, [f"lofi-config-{path}" for path in paths]) == []


def test_each_function_has_a_tag(tags: set[str], editor: Editor) -> None:
    names = editor.lua("return vim.tbl_keys(require('lofi'))")
    assert missing(tags, [f"lofi.{name}()" for name in names]) == []


def test_each_event_has_a_tag(tags: set[str], editor: Editor) -> None:
    events = editor.lua("return require('lofi.events').AUTOCOMMANDS")
    assert missing(tags, list(events.values())) == []
    assert missing(tags, [f"lofi-event-{name}" for name in events]) == []


def test_each_map_has_a_tag(tags: set[str], editor: Editor) -> None:
    names = editor.lua(
        """
        local maps = vim.list_extend(vim.api.nvim_get_keymap("n"), vim.api.nvim_get_keymap("x"))
        local names = vim.tbl_map(function(map)
          return vim.fn.keytrans(map.lhsraw)
        end, maps)
        return vim.tbl_filter(function(name)
          return vim.startswith(name, "<Plug>(lofi")
        end, names)
        """
    )
    assert missing(tags, names) == []


def test_each_highlight_has_a_tag(tags: set[str]) -> None:
    groups = {
        group
        for file in (PLUGIN / "lua").rglob("*.lua")
        for group in re.findall(r'nvim_set_hl\(0, "(\w+)"', file.read_text())
    }
    assert missing(tags, [f"hl-{group}" for group in groups]) == []


def test_each_link_leads_somewhere(tags: set[str], editor: Editor) -> None:
    runtime = Path(editor.lua("return vim.env.VIMRUNTIME")) / "doc" / "tags"
    known = tags | {line.split("\t")[0] for line in runtime.read_text().splitlines()}
    links = re.findall(r"(?<![|\w])\|([^\s|]+)\|", PAGE.read_text())
    assert missing(known, links) == []


def test_the_page_fits_a_window_of_78_columns() -> None:
    assert [line for line in PAGE.read_text().splitlines() if len(line) > 78] == []


def test_the_lua_examples_are_lua(editor: Editor) -> None:
    examples = re.findall(r">lua\n(.*?)\n<", PAGE.read_text(), flags=re.DOTALL)
    assert len(examples) > 5
    for example in examples:
        problem = editor.lua("return select(2, loadstring(...))", example)
        expression = editor.lua("return select(2, loadstring('return {' .. ... .. '}'))", example)
        assert problem is None or expression is None, f"{problem}\n{example}"


def test_the_defaults_are_those_of_the_page(editor: Editor) -> None:
    example = re.search(
        r">lua\n+    require\(\"lofi\"\)\.setup\((\{.*?\n    \})\)\n<", PAGE.read_text(), re.DOTALL
    )
    assert example is not None
    assert editor.lua(f"return vim.deep_equal({example[1]}, require('lofi.config').defaults)")


@pytest.mark.parametrize("way", ["package", "rtp"])
def test_it_is_installed_as_the_page_says(way: str, home: Home, short_tmp: Path) -> None:
    environ = environment(short_tmp / "user", {})
    commands = ["silent! helptags ALL"]
    if way == "package":
        start = Path(environ["XDG_DATA_HOME"]) / "nvim" / "site" / "pack" / "lofi" / "start"
        start.mkdir(parents=True)
        shutil.copytree(PLUGIN, short_tmp / "clone" / "clients" / "nvim")
        os.symlink(short_tmp / "clone" / "clients" / "nvim", start / "lofi")
    else:
        commands = [f"lua vim.opt.rtp:append('{PLUGIN}') vim.cmd.runtime('plugin/lofi.lua')"]
    script = "lua io.stdout:write(vim.fn.exists(':Lofi'), ' ', #vim.fn.globpath(vim.o.rtp, 'doc/lofi.txt'))"
    done = subprocess.run(
        [nvim_path(), "--headless", *(f"+{line}" for line in [*commands, script, "qall!"])],
        capture_output=True,
        text=True,
        timeout=20,
        env=environ,
    )
    exists, page = done.stdout.split()
    assert (exists, int(page) > 0, done.stderr) == ("2", True, "")
