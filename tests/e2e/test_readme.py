"""Every command block of the README, carried out in order by a user with a fresh clone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lofi_common.config import Config
from tests.support.hub import FakeHub
from tests.support.nvim import Editor, nvim_path
from tests.support.readme import Block, User, blocks, copy_tree
from tests.support.shop import FILES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks(README)
TESTS = next(block for block in BLOCKS if "pytest" in block.text)
"""Can't run inside itself."""
DOUBLES = Path(__file__).parent / "managers"
"""As much of the plugin managers as the README asks of them."""
SHELL = [block for block in BLOCKS if block.language == "sh" and block is not TESTS]
LAST = "Uninstall"
MAKING = (":Lofi rainy night, mellow rhodes 20", ":Lofi! generate")
ERROR = 4
"""A level of `vim.notify`."""
TABLE_ROW = re.compile(r"^\| `(\w+\.\w+)` \| `(.*?)` \|", re.MULTILINE)


def name(block: Block) -> str:
    return f"{block.heading}, line {block.line}"


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    if os.environ.get("PIP_NO_INDEX"):
        pytest.skip("the README's first command installs from PyPI, and PIP_NO_INDEX is set")
    home = Path(tempfile.mkdtemp(prefix="lofi-"))
    user = User(home)
    copy_tree(ROOT, user.clone)
    with FakeHub() as hub:
        hub.add("facebook/musicgen-small", FILES)
        user.environ |= hub.environ(home / "hf")
        yield user
        user.types("lofi broker stop || true")
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", [b for b in SHELL if b.heading != LAST], ids=name)
def test_a_command_block_does_what_it_says(user: User, block: Block) -> None:
    code, shown = user.types(block.text)
    assert code == 0, shown


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=name)
def test_a_python_block_runs(user: User, block: Block) -> None:
    done = subprocess.run(
        [user.clone / ".venv/bin/python", "-c", block.text],
        env=user.environ,
        cwd=user.clone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert ".wav" in done.stdout


INSTALLED = """
assert(vim.fn.exists(":Lofi") == 2, "there is no :Lofi")
local command, problem = require("lofi.broker").find()
io.stdout:write(problem or command[1])
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("manager", ["lazy", "plug", "mini", "package"])
def test_the_plugin_is_installed_as_shown(user: User, manager: str, tmp_path: Path) -> None:
    shown = {b.text.split()[0]: b.text for b in BLOCKS if b.heading == "In Neovim"}
    block = {"lazy": "{", "plug": "Plug", "mini": "MiniDeps.add({"}.get(manager)
    package = user.home / ".local/share/nvim/site/pack/lofi"
    hidden = package.with_name("hidden")
    config = tmp_path / "init.lua"
    if block is None:
        config.touch()
    else:
        config.write_text(
            f"local block = [==[{shown[block]}]==]\n{(DOUBLES / manager).with_suffix('.lua').read_text()}"
        )
        package.rename(hidden)
    script = tmp_path / "installed.lua"
    script.write_text(INSTALLED)
    try:
        done = subprocess.run(
            [nvim_path(), "--headless", "-u", config, "-c", f"luafile {script}", "-c", "qall!"],
            env=user.environ,
            capture_output=True,
            text=True,
            timeout=30,
        )
    finally:
        if block is not None:
            hidden.rename(package)
    assert (done.stdout, done.stderr) == (str(user.clone / ".venv/bin/lofi-broker"), "")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.text.startswith((":Lofi", "local lofi"))], ids=name)
def test_the_plugin_is_used_as_shown(user: User, block: Block, short_tmp: Path) -> None:
    broker = {"broker": {"cmd": str(user.clone / ".venv/bin/lofi-broker")}}
    with Editor(short_tmp, user.environ, options=broker) as editor:
        editor.lua("vim.ui.select = function(_, _, choose) choose(nil) end")
        if block.language == "lua":
            editor.lua(block.text)
            editor.wait("LofiPlayback")
        made: set[str] = set()
        for line in block.text.splitlines() if block.language == "vim" else ():
            editor.command(line)
            if line in MAKING:
                new = editor.wait("LofiComplete", lambda data: data["track_id"] not in made)
                made.add(new["track_id"])
        errors = [told for told in editor.events("notify") if told["level"] >= ERROR]
        assert errors == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("block", [b for b in SHELL if b.heading == LAST], ids=name)
def test_uninstalling_leaves_nothing(user: User, block: Block) -> None:
    code, shown = user.types(block.text)
    assert code == 0, shown
    left = [str(path.relative_to(user.home)) for path in user.home.rglob("*lofi*") if path.exists()]
    assert left == []


def test_ci_runs_the_test_command() -> None:
    assert TESTS.text in (ROOT / ".ci/run").read_text()


def test_no_block_is_of_a_kind_that_nothing_runs() -> None:
    assert {block.language for block in BLOCKS} <= {"sh", "python", "lua", "vim", "text"}


def test_the_table_of_settings_is_whole() -> None:
    defaults = {
        f"{section}.{key}": value
        for section, settings in msgspec.to_builtins(Config()).items()
        for key, value in settings.items()
        if key != "engine"
    }
    told = {setting: json.loads(value) for setting, value in TABLE_ROW.findall(README)}
    assert told == defaults


def test_the_table_of_settings_says_what_the_default_file_says() -> None:
    said: dict[str, str] = {}
    section = ""
    for line in (ROOT / "configs/default.toml").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"(\w+) = .*?  +# (.*)", line):
            said[f"{section}.{found[1]}"] = found[2]
    told = dict(re.findall(r"^\| `(\w+\.\w+)` \| `.*?` \| (.*) \|$", README.replace("−", "-"), re.MULTILINE))
    assert told == {name: words for name, words in said.items() if name != "worker.engine"}
