"""What a picker shows of a track, drawn by a program that is never waited for."""

from __future__ import annotations

import re
from pathlib import Path

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor

PREVIEW = """
local id = ...
_G.cancel = require("lofi.preview").lines(id, 40, function(lines)
  vim.rpcnotify(0, "lines", { id = id, lines = lines })
end)
"""


def logged(editor: Editor, beside: Path, line: str) -> None:
    """Wait for a line in the log."""
    there = (
        f"vim.fn.filereadable('{beside}/log') == 1 and vim.tbl_contains(vim.fn.readfile('{beside}/log'), ...)"
    )
    code = f"local line = ... return vim.wait(10000, function() return {there.replace('...', 'line')} end, 5)"
    assert editor.lua(code, line)


def test_a_preview_is_what_lofi_draws_and_is_drawn_once(home: Home, open_editor: Open, beside: Path) -> None:
    editor = open_editor(home, options={"broker": {"cmd": str(beside / "lofi-broker")}})
    editor.lua(PREVIEW, "one")
    assert editor.wait("lines")["lines"] == ["prompt    one", "", "  ▁▄█"]
    editor.lua(PREVIEW, "one")
    assert len(editor.events("lines")) == 2
    assert (beside / "log").read_text() == "tracks show one --width 40\n"


def test_a_preview_that_is_left_is_ended(home: Home, open_editor: Open, beside: Path) -> None:
    editor = open_editor(home, options={"broker": {"cmd": str(beside / "lofi-broker")}})
    editor.lua(PREVIEW, "slow")
    logged(editor, beside, "tracks show slow --width 40")
    editor.lua("_G.cancel()")
    editor.lua(PREVIEW, "passed")  # and left again before it is worth a process
    editor.lua("_G.cancel()")
    editor.lua(PREVIEW, "two")
    assert editor.wait("lines")["id"] == "two"
    logged(editor, beside, "ended")
    assert "passed" not in (beside / "log").read_text()


def test_a_preview_tells_why_there_is_none(home: Home, open_editor: Open, beside: Path) -> None:
    editor = open_editor(home, options={"broker": {"cmd": str(beside / "lofi-broker")}})
    editor.lua(PREVIEW, "gone")
    assert editor.wait("lines")["lines"] == ["there is no track gone"]


def test_a_preview_of_a_real_track_has_its_waveform(starter: Home, open_editor: Open) -> None:
    editor = open_editor(starter)
    rain = editor.call("generate", {"prompt": "rain", "duration_sec": 5})["track_id"]
    editor.wait("LofiComplete")
    editor.lua(PREVIEW, rain)
    lines = editor.wait("lines")["lines"]
    assert any(re.fullmatch("prompt +rain", line) for line in lines), lines
    waves = [line for line in lines if re.fullmatch("[ ▁▂▃▄▅▆▇█]+", line) and line.strip()]
    assert waves and max(map(len, waves)) == 40, lines
