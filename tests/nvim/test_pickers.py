"""Lists of tracks and prompts: `vim.ui.select`, Telescope and snacks, with a real library behind them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor

DOUBLES = Path(__file__).parent / "doubles"

# The user chooses what `choices` says, in turn; what was offered is told.
SELECT = """
local choices = ...
vim.ui.select = function(items, options, on_choice)
  local offered = vim.tbl_map(options.format_item or tostring, items)
  vim.rpcnotify(0, "select", { prompt = options.prompt, offered = offered })
  local wanted = table.remove(choices, 1)
  for place, row in ipairs(offered) do
    if row:find(wanted, 1, true) then
      on_choice(items[place], place)
      return
    end
  end
  on_choice(nil)
end
"""

# Sound is another matter: what would be played is told.
PLAY = """
require("lofi").play = function(ids)
  vim.rpcnotify(0, "play", { ids = ids })
end
"""

# What is asked to be deleted is told, too.
DELETE = """
local delete = require("lofi").delete
require("lofi").delete = function(id, cb)
  vim.rpcnotify(0, "delete", { id = id })
  delete(id, cb)
end
"""


def choose(editor: Editor, *choices: str) -> None:
    editor.lua(SELECT, list(choices))


def make(editor: Editor, *prompts: str) -> list[str]:
    """Tracks with these prompts, in the order in which they are made; their ids."""
    ids = []
    for prompt in prompts:
        track_id = editor.call("generate", {"prompt": prompt, "duration_sec": 5})["track_id"]
        editor.wait("LofiComplete", lambda data, made=track_id: data["track_id"] == made)  # type: ignore[misc]
        ids.append(track_id)
    return ids


def library(editor: Editor) -> list[str]:
    return [track["track_id"] for track in editor.call("tracks", {})["tracks"]]


def test_tracks_are_offered_newest_first_and_one_is_played(editor: Editor) -> None:
    rain, sun = make(editor, "rain", "sun")
    editor.lua(PLAY)
    choose(editor, "rain", "Play")
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("play") == {"ids": [rain]}
    first, second = editor.events("select")
    for row, track_id, prompt in zip(first["offered"], [sun, rain], ["sun", "rain"], strict=True):
        assert re.fullmatch(rf"   5 s  {track_id[:4]}  {prompt}  \(seed \d+\)", row), row
    assert second["offered"] == ["Play", "Generate again with a new seed", "Copy the id", "Delete"]


def test_only_tracks_with_the_words_are_offered(editor: Editor) -> None:
    rain, _ = make(editor, "rain", "sun")
    choose(editor, "nothing")
    editor.command("lua require('lofi.picker').tracks({ query = 'rain' })")
    (row,) = editor.wait("select")["offered"]
    assert row.startswith(f"   5 s  {rain[:4]}  rain  (seed ")


def test_an_id_is_copied(editor: Editor) -> None:
    (rain,) = make(editor, "rain")
    choose(editor, "rain", "Copy")
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("notify")["words"] == f"lofi: {rain} is copied"
    assert editor.lua("return vim.fn.getreg('\"')") == rain


def test_a_track_is_deleted_after_a_question_only(editor: Editor) -> None:
    rain, sun = make(editor, "rain", "sun")
    editor.lua(DELETE)
    choose(editor, "rain", "Delete", "Keep it", "rain", "Delete", "Delete it")
    editor.command("lua require('lofi.picker').tracks()")
    asked = editor.wait("select", lambda data: data["prompt"].startswith("Delete"))
    seed = editor.call("track", rain)["seed"]
    assert asked == {"prompt": f"Delete {rain[:4]} (rain, seed {seed})?", "offered": ["Keep it", "Delete it"]}
    assert library(editor) == [sun, rain]
    editor.command("lua require('lofi.picker').tracks()")
    editor.wait("notify", lambda data: "deleted" in data["words"])
    assert library(editor) == [sun]
    assert editor.events("delete") == [{"id": rain}]


def test_a_track_is_made_again_with_another_seed_and_all_else_the_same(editor: Editor) -> None:
    editor.call("generate", {"prompt": "rain", "duration_sec": 7, "format": "flac", "temperature": 0.5})
    first = editor.wait("LofiComplete")
    choose(editor, "rain", "Generate again")
    editor.command("lua require('lofi.picker').tracks()")
    second = editor.wait("LofiComplete", lambda data: data["track_id"] != first["track_id"])
    assert second["seed"] != first["seed"]
    tracks = editor.call("tracks", {})["tracks"]
    same = ("prompt", "duration_sec", "format", "temperature", "top_k", "guidance_scale", "model_version")
    assert [tracks[0][key] for key in same] == [tracks[1][key] for key in same]


def test_prompts_are_counted_and_generated_again(editor: Editor) -> None:
    make(editor, "sun", "rain", "jazz", "rain")
    choose(editor, "rain")
    editor.command("lua require('lofi.picker').prompts()")
    assert editor.wait("select")["offered"] == ["   2 ×  rain", "   1 ×  jazz", "   1 ×  sun"]
    made = {data["track_id"] for data in editor.events("LofiComplete")}
    assert editor.wait("LofiComplete", lambda data: data["track_id"] not in made)["prompt"] == "rain"


def test_an_empty_library_says_how_to_fill_it(editor: Editor) -> None:
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("notify")["words"] == "lofi: there are no tracks yet; `:Lofi PROMPT` makes one"


def test_words_that_no_prompt_holds_are_named(editor: Editor) -> None:
    editor.command("Lofi tracks no such")
    assert editor.wait("notify")["words"] == 'lofi: no track\'s prompt holds "no such"'


MANY = """
require("lofi").tracks = function(_, cb)
  local tracks = {}
  for number = 1, 2000 do
    tracks[number] = { track_id = tostring(number), prompt = "p", duration_sec = 5, seed = 0 }
  end
  cb(nil, { tracks = tracks, total = 2000 })
end
local printed
vim.fn.inputlist = function(lines) printed = #lines return 0 end
require("lofi.picker").tracks()
return printed
"""


def test_neovim_s_own_selection_prints_what_can_be_read(editor: Editor) -> None:
    assert editor.lua(MANY) == 51  # the question is a line too
    assert editor.notice() == "lofi: the first 50 of 2000; `:Lofi tracks WORDS` finds others"


def test_what_goes_wrong_is_told(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": "/nowhere/lofi-broker"}})
    editor.command("lua require('lofi.picker').tracks()")
    assert '"/nowhere/lofi-broker" is not a program' in editor.wait("notify")["words"]


def test_the_picker_is_the_one_that_is_installed_or_wanted(home: Home, open_editor: Open) -> None:
    editor = open_editor(home)
    backend = "return require('lofi.picker').backend()"
    assert editor.lua(backend) == "select"
    editor.lua("vim.opt.rtp:append(...)", str(DOUBLES / "telescope"))
    assert editor.lua(backend) == "telescope"
    editor.lua("vim.opt.rtp:append(...) require('snacks_double')", str(DOUBLES / "snacks"))
    assert editor.lua(backend) == "snacks"
    editor.lua("require('lofi').setup({ picker = 'telescope' })")
    assert editor.lua(backend) == "telescope"
    other = open_editor(home, "two", options={"picker": "snacks"})
    assert other.lua(backend) == "select"
    told = 'lofi: picker = "snacks": that plugin isn\'t installed; vim.ui.select is used'
    assert other.wait("notify")["words"] == told


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


def test_snacks_knows_the_lists_by_name(snacks: Editor) -> None:
    make(snacks, "rain", "sun", "rain")
    snacks.lua("require('lofi.picker.snacks').register()")
    snacks.command("lua Snacks.picker.pick('lofi_prompts')")
    assert found(snacks) == ["   2 ×  rain", "   1 ×  sun"]
    made = {data["track_id"] for data in snacks.events("LofiComplete")}
    snacks.lua("_G.double.press('<cr>', 1)")
    assert snacks.wait("LofiComplete", lambda data: data["track_id"] not in made)["prompt"] == "rain"
