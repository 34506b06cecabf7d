"""Lists of tracks and prompts in Telescope and snacks, of which as much is there as is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.nvim.conftest import Open
from tests.nvim.picking import DOUBLES, PLAY, choose, library, make
from tests.support.home import Home
from tests.support.nvim import Editor


def highlighted(editor: Editor, buffer: str) -> list[tuple[int, str]]:
    """Line and group of the highlights in the buffer of a preview."""
    marks: list[list[Any]] = editor.lua(
        f"""
        local space = vim.api.nvim_get_namespaces()["lofi.preview"]
        return vim.api.nvim_buf_get_extmarks({buffer}, space, 0, -1, {{ details = true }})
        """
    )
    return [(mark[1], mark[3]["hl_group"]) for mark in marks]


def drawn(editor: Editor, buffer: str) -> list[str]:
    """The lines of a preview's buffer, when the program has drawn them."""
    shown = f"vim.api.nvim_buf_get_lines({buffer}, 0, -1, false)"
    assert editor.lua(f"return vim.wait(10000, function() return {shown}[1] ~= '' end, 5)")
    lines: list[str] = editor.lua(f"return {shown}")
    return lines


@pytest.fixture
def telescope(home: Home, open_editor: Open, beside: Path) -> Editor:
    editor = open_editor(home, options={"broker": {"cmd": str(beside / "lofi-broker")}})
    editor.lua("vim.opt.rtp:append(...)", str(DOUBLES / "telescope"))
    editor.lua(PLAY)
    return editor


def opened(editor: Editor, call: str) -> None:
    """Open a list of telescope's, and wait for it."""
    editor.lua("_G.double = require('telescope.double')")
    editor.lua("_G.double.picker = nil")
    editor.command(f"lua {call}")
    assert editor.lua("return vim.wait(10000, function() return _G.double.picker ~= nil end, 5)")


EXTENSION = "require('telescope._extensions.lofi').exports"
ROWS = "return vim.tbl_map(function(entry) return entry.display end, _G.double.entries())"


def test_telescope_lists_tracks_with_their_waveforms(telescope: Editor) -> None:
    rain, sun = make(telescope, "rain", "sun")
    opened(telescope, f"{EXTENSION}.tracks()")
    assert telescope.lua(ROWS) == ["   5 s  sun", "   5 s  rain"]
    telescope.lua("_G.double.move(2)")
    assert drawn(telescope, "_G.double.buffer") == [f"prompt    {rain}", "", "  ▁▄█"]
    assert highlighted(telescope, "_G.double.buffer") == [(0, "LofiLabel"), (2, "LofiWaveform")]
    telescope.lua("_G.double.press('<CR>')")
    assert telescope.wait("play") == {"ids": [rain]}
    assert telescope.lua("return _G.double.closed") == 1
    opened(telescope, "require('lofi.picker').tracks()")
    telescope.lua("_G.double.press('<C-y>')")
    assert telescope.wait("notify")["words"] == f"lofi: {sun} is copied"


def test_telescope_deletes_a_track_and_stays_open(telescope: Editor) -> None:
    _, sun = make(telescope, "rain", "sun")
    opened(telescope, f"{EXTENSION}.lofi()")
    choose(telescope, "Delete it")
    telescope.lua("_G.double.move(2)")
    telescope.lua("_G.double.press('<C-d>')")
    telescope.wait("notify", lambda data: "deleted" in data["words"])
    assert telescope.lua(ROWS) == ["   5 s  sun"]
    assert library(telescope) == [sun]
    assert telescope.lua("return _G.double.closed") == 0


def test_telescope_marks_a_favourite_and_stays_open(telescope: Editor) -> None:
    make(telescope, "rain", "sun")
    opened(telescope, f"{EXTENSION}.tracks()")
    telescope.lua("_G.double.press('<C-s>')")
    assert telescope.notice() == "lofi: sun is a favourite"
    assert telescope.lua(ROWS) == ["   5 s  ★ sun", "   5 s  rain"]
    assert telescope.lua("return _G.double.closed") == 0


def test_telescope_lists_prompts_and_generates_one_again(telescope: Editor) -> None:
    make(telescope, "rain", "sun", "rain")
    opened(telescope, f"{EXTENSION}.prompts()")
    assert telescope.lua(ROWS) == ["   2 ×  rain", "   1 ×  sun"]
    made = {data["track_id"] for data in telescope.events("LofiComplete")}
    telescope.lua("_G.double.press('<CR>')")
    assert telescope.wait("LofiComplete", lambda data: data["track_id"] not in made)["prompt"] == "rain"


@pytest.fixture
def snacks(home: Home, open_editor: Open, beside: Path) -> Editor:
    editor = open_editor(home, options={"broker": {"cmd": str(beside / "lofi-broker")}})
    editor.lua("vim.opt.rtp:append(...) _G.double = require('snacks_double')", str(DOUBLES / "snacks"))
    editor.lua(PLAY)
    return editor


def found(editor: Editor) -> list[str]:
    """The rows, when the finder has found all."""
    assert editor.lua("return vim.wait(10000, function() return _G.double.done end, 5)")
    rows: list[str] = editor.lua("return _G.double.rows()")
    return rows


def test_snacks_lists_tracks_with_their_waveforms(snacks: Editor) -> None:
    rain, _ = make(snacks, "rain", "sun")
    snacks.command("lua require('lofi.picker').tracks()")
    assert found(snacks) == ["   5 s  sun", "   5 s  rain"]
    snacks.lua("_G.double.move(2)")
    assert drawn(snacks, "_G.double.buffer") == [f"prompt    {rain}", "", "  ▁▄█"]
    assert highlighted(snacks, "_G.double.buffer") == [(0, "LofiLabel"), (2, "LofiWaveform")]
    snacks.lua("_G.double.press('<cr>', 2)")
    assert snacks.wait("play") == {"ids": [rain]}
    assert snacks.lua("return _G.double.picker.closed")


def test_snacks_deletes_a_track_and_stays_open(snacks: Editor) -> None:
    _, sun = make(snacks, "rain", "sun")
    snacks.command("lua require('lofi.picker').tracks()")
    found(snacks)
    choose(snacks, "Delete it")
    snacks.lua("_G.double.press('<c-d>', 2)")
    snacks.wait("notify", lambda data: "deleted" in data["words"])
    assert found(snacks) == ["   5 s  sun"]
    assert library(snacks) == [sun]
    assert not snacks.lua("return _G.double.picker.closed")


def test_snacks_marks_a_favourite_and_stays_open(snacks: Editor) -> None:
    make(snacks, "rain", "sun")
    snacks.command("lua require('lofi.picker').tracks()")
    found(snacks)
    snacks.lua("_G.double.press('<c-s>', 2)")
    assert snacks.notice() == "lofi: rain is a favourite"
    assert found(snacks) == ["   5 s  sun", "   5 s  ★ rain"]


def test_snacks_knows_the_lists_by_name(snacks: Editor) -> None:
    make(snacks, "rain", "sun", "rain")
    snacks.lua("require('lofi.picker.snacks').register()")
    snacks.command("lua Snacks.picker.pick('lofi_prompts')")
    assert found(snacks) == ["   2 ×  rain", "   1 ×  sun"]
    made = {data["track_id"] for data in snacks.events("LofiComplete")}
    snacks.lua("_G.double.press('<cr>', 1)")
    assert snacks.wait("LofiComplete", lambda data: data["track_id"] not in made)["prompt"] == "rain"
