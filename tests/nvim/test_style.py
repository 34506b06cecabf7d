"""The linter and the formatter of the Lua code, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "clients" / "nvim"
FOLDERS = [str(PLUGIN), str(ROOT / "tests" / "nvim")]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_luacheck_finds_nothing() -> None:
    if shutil.which("luacheck") is None:
        pytest.skip("there is no luacheck: apt-get install lua-check")
    done = run(["luacheck", "--quiet", "--no-color", "--config", str(PLUGIN / ".luacheckrc"), *FOLDERS])
    assert done.returncode == 0, done.stdout + done.stderr


def stylua() -> list[str]:
    """The formatter of PATH, else the one that npm has installed here."""
    if shutil.which("stylua") is not None:
        return ["stylua"]
    npx = ["npx", "--no-install", "@johnnymorganz/stylua-bin"]
    if shutil.which("npx") is None or run([*npx, "--version"]).returncode != 0:
        pytest.skip("there is no stylua: npm install -g @johnnymorganz/stylua-bin")
    return npx


def test_stylua_would_change_nothing() -> None:
    done = run([*stylua(), "--check", "--config-path", str(PLUGIN / "stylua.toml"), *FOLDERS])
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_lua_file_is_long() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in FOLDERS
        for file in Path(folder).rglob("*.lua")
        if (lines := len(file.read_text().splitlines())) > 350
    }
    assert long == {}
